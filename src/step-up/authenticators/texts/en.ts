import type { Language } from '../../../zones/languages.js';
import { html } from '../html.js';
import { amountsIn } from './amounts.js';

const { duration, count, plural } = amountsIn('en');

/** The texts of pages in English. All other languages have the same messages, which the compiler sees to. */
export const en = {
  language: 'en' as Language,
  direction: 'ltr' as 'ltr' | 'rtl',

  /** The title of a page after an attempt that failed. */
  errorTitle: (title: string) => `Error: ${title}`,

  /** The form that sends the secret of a link. */
  link: {
    label: 'Your link',
    hint: 'Paste the whole link that you were given.',
    showRequest: 'Show the request',
    goOn: 'Continue',
  },

  decide: { confirm: 'Confirm', refuse: 'Refuse' },

  /** The confirmation page before the request is shown. */
  unshown: {
    title: 'Confirm a request',
    lead: 'An application wants access in your name. See first what it asks for.',
    withoutLink: 'Without the link',
    showWhoYouAre: 'Show who you are. You decide after you have seen the request.',
    endsIn: (seconds: number) => `The request ends by itself in ${duration(seconds)}.`,
  },

  /** The confirmation page. */
  confirm: {
    title: 'Confirm this request?',
    lead: (application: string | null) =>
      html`<strong>${application ?? 'An application'}</strong> wants access in your name.`,
    decision: 'Your decision',
    refuseUnknown: (seconds: number) =>
      `Refuse it if you do not know what this is about. If you close this page, nothing is decided: the request ends by itself in ${duration(seconds)}.`,
    otherwise: 'Not now, or not you?',
    later: 'Not now',
    laterHint: (seconds: number) =>
      `Nothing is decided. You can come back by your link; the request ends by itself in ${duration(seconds)}.`,
    notMe: 'This was not me',
    notMeHint: (organisation: string | null) =>
      `You have started nothing that asks for this. It is refused for good, without a code, and ${organisation ?? 'whoever runs this service'} is told.`,
    notSetUp:
      'Nothing set up yet to confirm with? Ask those who run this service for a link to do so.',
  },

  /** The page of a person who does not decide now. */
  later: {
    title: 'Nothing is decided',
    text: (seconds: number) =>
      `The application waits. The request ends by itself in ${duration(seconds)}; until then your link is good. You can close this page.`,
    back: 'Back to the request',
  },

  /** A request, as a person reads it. */
  facts: {
    whoAsks: 'Who asks',
    inWhoseName: 'In whose name',
    through: 'Through',
    toDoWhat: 'To do what',
    withoutScope: 'access without a scope',
    scopeAt: (resource: string) => `at ${resource}`,
    exactly: 'Exactly',
    exactlyNth: (nth: number) => `Exactly (${count(nth)})`,
    where: 'Where',
    byTheCall: 'By the call',
    forHowLong: 'For how long',
    atMost: (seconds: number) => `at most ${duration(seconds)}`,
  },

  /** The names that a mandate would have. */
  exactNames: {
    summary: 'Exact names',
    hint: (organisation: string | null) =>
      `The descriptions above are those of ${organisation ?? 'the people who run this service'}. The application has written none of them. These are the names that count:`,
    application: 'Application',
    subject: 'Subject',
    issuer: 'Issuer',
    scopes: 'Scopes',
    noScopes: 'none',
    resources: 'Resources',
    agentSession: 'Agent session',
    delegation: 'Delegation',
  },

  /** What a visit to the confirmation page ends with. */
  ends: {
    approved: {
      title: 'Confirmed',
      text: 'The application can go on now. You can close this page.',
    },
    rejected: {
      title: 'Refused',
      text: 'The application gets nothing. You can close this page.',
    },
    pending: {
      title: 'Thank you',
      text: 'Others have to confirm it, too. You can close this page.',
    },
    reported: {
      title: 'Reported',
      text: 'The request is refused for good, and those who run this service are told that it was not you. You can close this page.',
    },
    decided: {
      title: 'Already decided',
      text: 'This request has been confirmed or refused before.',
    },
    expired: {
      title: 'Too late',
      text: 'This request has expired. The application has to ask again.',
    },
    not_here: {
      title: 'Not confirmed here',
      text: 'Other people or systems decide on this request.',
    },
  },

  /** What a person gets who wants to keep what was decided. */
  receipt: {
    button: 'Get a receipt',
    hint: 'A file that proves to others what you have decided, and when. It says nothing of what was asked for.',
    notYet: {
      title: 'Not yet',
      text: 'The receipt is made within about a minute. Ask again then.',
    },
  },

  /** How a request was decided on before. */
  decided: {
    approved:
      'Nothing that you do here changes this request. It was confirmed. The application can go on.',
    consumed:
      'Nothing that you do here changes this request. It was confirmed, and the application has gone on.',
    rejected:
      'Nothing that you do here changes this request. It was refused. The application gets nothing.',
  },

  /** What was wrong with an attempt. */
  problems: {
    noEvidence: 'Enter the code, and choose what to do.',
    noLink: 'That is not the link of this request. Paste the whole link.',
    unproven: 'That took too long. Show who you are again.',
    tooMany: (seconds: number) => `There were too many wrong codes. Wait ${duration(seconds)}.`,
    tooManyOrPasskey: (seconds: number) =>
      `There were too many wrong codes. Wait ${duration(seconds)}, or use a passkey.`,
    triesLeft: (left: number) =>
      left === 0
        ? 'That was the last try for now.'
        : plural(left, {
            one: 'You can try once more.',
            other: `You can try ${count(left)} times more.`,
          }),
  },

  /** What went wrong with a page itself. */
  errors: {
    busy: {
      title: 'Not now',
      text: 'This could not be done now. Go back, and try again in a moment: you are told if something was decided.',
    },
    malformed: {
      title: 'That did not work',
      text: 'What was sent is not what this page sends, and nothing was decided. Open your link again.',
    },
    failed: {
      title: 'That did not work',
      text: 'Something is wrong here. Go back, and try again later.',
    },
    noRequest: {
      title: 'Nothing here',
      text: 'This link leads to no request. It may be misspelt, or too old.',
    },
    noEnrolment: {
      title: 'Nothing here',
      text: 'This link has been used, is too old, or is not complete. Ask for a new one.',
    },
    oldLink: {
      title: 'This link is not good any more',
      text: 'It is of an older kind, which may have been seen by others. Ask for a new one.',
    },
  },

  /** The page on which a person registers an authenticator. */
  enrol: {
    title: 'Set up confirmation',
    lead: 'From now on you can confirm what applications ask for in your name.',
    linkLead: 'Here you set up what you confirm the requests of applications with.',
    you: 'You',
    done: {
      title: 'That works',
      text: 'From now on you can confirm requests with it. You can close this page.',
    },
    doneWithCodes: {
      title: 'That works',
      text: 'From now on you can confirm requests with it. Before you close this page, keep the codes below.',
    },
  },

  passkey: {
    show: 'Show it with a passkey',
    confirm: 'Confirm with a passkey',
    refuse: 'Refuse with a passkey',
    or: 'or',
    needsScripts: 'Passkeys need JavaScript, which is switched off.',
    needsScriptsCodeDoesNot:
      'Passkeys need JavaScript, which is switched off. A code does without.',
    wrong: 'That was not right: the passkey is none that is registered for this.',
    notUsed: 'No passkey was used. You can try again.',
    heading: 'With a passkey',
    explanation: 'Your phone, your computer or a security key asks for your finger, face or PIN.',
    setUp: 'Set up a passkey',
    notSetUp: 'That passkey could not be set up. It may be registered already.',
  },

  totp: {
    label: 'Code from your authenticator app',
    hint: 'Six digits. A code works once.',
    wrong: 'That was not right. Wait for the next code if this one was used before.',
    demoUsed:
      'This is the demo. The code that it had to show was used: reload the page in half a minute.',
    demo: (code: string) =>
      html`This is the demo. Its person has no phone: the app on it would show
        <strong>${code}</strong> now, which is filled in below.`,
    heading: 'With an authenticator app',
    scan: (uri: string) => html`Scan this with the app, or <a href="${uri}">open it there</a>.`,
    qrCode: 'QR code for the authenticator app',
    cannotScan: 'It cannot be scanned',
    typeKey: (key: string) => html`Type this key into the app: <code class="key">${key}</code>`,
    setUp: 'Set up the app',
    notSetUp: 'That code was not right. Enter the one that the app shows now.',
  },

  recoveryCodes: {
    use: 'Use a recovery code',
    label: 'Recovery code',
    hint: 'One of those that you were given when you set up your app or passkey. Each works once.',
    wrong: 'That was not right: it is none of your recovery codes, or was used before.',
    left: (left: number) =>
      left === 0
        ? 'You have no recovery codes left.'
        : plural(left, {
            one: 'You have 1 recovery code left.',
            other: `You have ${count(left)} recovery codes left.`,
          }),
    askForNew: 'Ask those who run this service for a link to get new ones.',
    newHeading: 'Or get new recovery codes',
    newExplanation:
      'For when you have lost the app or the passkey. Those that you had before do not work any more then.',
    getNew: 'Get new recovery codes',
    notSetUp: 'There are no new codes now. Try again.',
    heading: 'Your recovery codes',
    keep: html`Keep these where you find them without your phone. Each confirms one request if the
      app or the passkey is lost. <strong>They are shown this once.</strong>`,
    copy: 'Copy',
    save: 'Save as a file',
    print: 'Print',
    copied: 'The codes are in the clipboard.',
    notCopied: 'The codes could not be copied. Write them down.',
    saved: (file: string) => `The file is ${file}.`,
  },
};

/** The texts of pages in a language. */
export type Texts = typeof en;
