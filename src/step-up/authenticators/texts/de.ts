import { html } from '../html.js';
import { amountsIn } from './amounts.js';
import type { Texts } from './en.js';

const { duration, count, plural } = amountsIn('de');

/** The texts of pages in German. */
export const de: Texts = {
  language: 'de',
  direction: 'ltr',

  errorTitle: (title) => `Fehler: ${title}`,

  link: {
    label: 'Ihr Link',
    hint: 'Fügen Sie den ganzen Link ein, den Sie erhalten haben.',
    showRequest: 'Anfrage anzeigen',
    goOn: 'Weiter',
  },

  decide: { confirm: 'Bestätigen', refuse: 'Ablehnen' },

  unshown: {
    title: 'Eine Anfrage bestätigen',
    lead: 'Eine Anwendung möchte Zugriff in Ihrem Namen. Sehen Sie sich zuerst an, was sie verlangt.',
    withoutLink: 'Ohne den Link',
    showWhoYouAre: 'Weisen Sie sich aus. Sie entscheiden, nachdem Sie die Anfrage gesehen haben.',
    endsIn: (seconds) => `Die Anfrage läuft in ${duration(seconds)} von selbst ab.`,
  },

  confirm: {
    title: 'Diese Anfrage bestätigen?',
    lead: (application) =>
      html`<strong>${application ?? 'Eine Anwendung'}</strong> möchte Zugriff in Ihrem Namen.`,
    decision: 'Ihre Entscheidung',
    refuseUnknown: (seconds) =>
      `Lehnen Sie ab, wenn Sie nicht wissen, worum es geht. Wenn Sie diese Seite schließen, ist nichts entschieden: Die Anfrage läuft in ${duration(seconds)} von selbst ab.`,
    otherwise: 'Nicht jetzt, oder nicht von Ihnen?',
    later: 'Nicht jetzt',
    laterHint: (seconds) =>
      `Nichts wird entschieden. Mit Ihrem Link können Sie zurückkommen; die Anfrage läuft in ${duration(seconds)} von selbst ab.`,
    notMe: 'Das war ich nicht',
    notMeHint: (organisation) =>
      `Sie haben nichts begonnen, wofür das nötig wäre. Die Anfrage wird endgültig abgelehnt, auch ohne Code, und ${organisation ?? 'der Betreiber dieses Dienstes'} erfährt davon.`,
    notSetUp:
      'Noch nichts eingerichtet, womit Sie bestätigen können? Bitten Sie den Betreiber dieses Dienstes um einen Link dafür.',
  },

  later: {
    title: 'Nichts ist entschieden',
    text: (seconds) =>
      `Die Anwendung wartet. Die Anfrage läuft in ${duration(seconds)} von selbst ab; bis dahin gilt Ihr Link. Sie können diese Seite schließen.`,
    back: 'Zurück zur Anfrage',
  },

  facts: {
    whoAsks: 'Wer anfragt',
    inWhoseName: 'In wessen Namen',
    through: 'Über',
    toDoWhat: 'Wofür',
    withoutScope: 'Zugriff ohne bestimmte Berechtigung',
    scopeAt: (resource) => `bei ${resource}`,
    exactly: 'Genau',
    exactlyNth: (nth) => `Genau (${count(nth)})`,
    where: 'Wo',
    byTheCall: 'Mit dem Aufruf',
    forHowLong: 'Wie lange',
    atMost: (seconds) => `höchstens ${duration(seconds)}`,
  },

  exactNames: {
    summary: 'Genaue Namen',
    hint: (organisation) =>
      `Die Beschreibungen oben sind von ${organisation ?? 'den Betreibern dieses Dienstes'}. Die Anwendung hat keine davon geschrieben. Was zählt, sind diese Namen:`,
    application: 'Anwendung',
    subject: 'Subjekt',
    issuer: 'Aussteller',
    scopes: 'Berechtigungen',
    noScopes: 'keine',
    resources: 'Ressourcen',
    agentSession: 'Agentensitzung',
    delegation: 'Delegierung',
  },

  ends: {
    approved: {
      title: 'Bestätigt',
      text: 'Die Anwendung kann jetzt fortfahren. Sie können diese Seite schließen.',
    },
    rejected: {
      title: 'Abgelehnt',
      text: 'Die Anwendung bekommt nichts. Sie können diese Seite schließen.',
    },
    pending: {
      title: 'Danke',
      text: 'Auch andere müssen noch bestätigen. Sie können diese Seite schließen.',
    },
    reported: {
      title: 'Gemeldet',
      text: 'Die Anfrage ist endgültig abgelehnt, und der Betreiber dieses Dienstes erfährt, dass Sie es nicht waren. Sie können diese Seite schließen.',
    },
    decided: {
      title: 'Schon entschieden',
      text: 'Diese Anfrage wurde bereits bestätigt oder abgelehnt.',
    },
    expired: {
      title: 'Zu spät',
      text: 'Diese Anfrage ist abgelaufen. Die Anwendung muss noch einmal fragen.',
    },
    not_here: {
      title: 'Wird nicht hier bestätigt',
      text: 'Über diese Anfrage entscheiden andere Personen oder Systeme.',
    },
  },

  receipt: {
    button: 'Beleg holen',
    hint: 'Eine Datei, die anderen beweist, was Sie entschieden haben und wann. Über die Anfrage selbst sagt sie nichts.',
    notYet: {
      title: 'Noch nicht',
      text: 'Der Beleg entsteht innerhalb etwa einer Minute. Fragen Sie dann noch einmal.',
    },
  },

  decided: {
    approved:
      'Was Sie hier tun, ändert nichts mehr an dieser Anfrage. Sie wurde bestätigt. Die Anwendung kann fortfahren.',
    consumed:
      'Was Sie hier tun, ändert nichts mehr an dieser Anfrage. Sie wurde bestätigt, und die Anwendung ist fortgefahren.',
    rejected:
      'Was Sie hier tun, ändert nichts mehr an dieser Anfrage. Sie wurde abgelehnt. Die Anwendung bekommt nichts.',
  },

  problems: {
    noEvidence: 'Geben Sie den Code ein, und wählen Sie, was geschehen soll.',
    noLink: 'Das ist nicht der Link dieser Anfrage. Fügen Sie den ganzen Link ein.',
    unproven: 'Das hat zu lange gedauert. Weisen Sie sich noch einmal aus.',
    tooMany: (seconds) => `Es waren zu viele falsche Codes. Warten Sie ${duration(seconds)}.`,
    tooManyOrPasskey: (seconds) =>
      `Es waren zu viele falsche Codes. Warten Sie ${duration(seconds)}, oder verwenden Sie einen Passkey.`,
    triesLeft: (left) =>
      left === 0
        ? 'Das war vorerst der letzte Versuch.'
        : plural(left, {
            one: 'Sie haben noch einen Versuch.',
            other: `Sie haben noch ${count(left)} Versuche.`,
          }),
  },

  errors: {
    busy: {
      title: 'Gerade nicht',
      text: 'Das ging gerade nicht. Gehen Sie zurück, und versuchen Sie es gleich noch einmal: Wenn etwas entschieden wurde, erfahren Sie es dann.',
    },
    malformed: {
      title: 'Das hat nicht funktioniert',
      text: 'Was gesendet wurde, sendet diese Seite nicht, und nichts wurde entschieden. Öffnen Sie Ihren Link noch einmal.',
    },
    failed: {
      title: 'Das hat nicht funktioniert',
      text: 'Hier stimmt etwas nicht. Gehen Sie zurück, und versuchen Sie es später noch einmal.',
    },
    noRequest: {
      title: 'Hier ist nichts',
      text: 'Dieser Link führt zu keiner Anfrage. Vielleicht ist er falsch geschrieben oder zu alt.',
    },
    noEnrolment: {
      title: 'Hier ist nichts',
      text: 'Dieser Link wurde schon verwendet, ist zu alt oder nicht vollständig. Bitten Sie um einen neuen.',
    },
    oldLink: {
      title: 'Dieser Link gilt nicht mehr',
      text: 'Er ist von einer älteren Art, die andere gesehen haben könnten. Bitten Sie um einen neuen.',
    },
  },

  enrol: {
    title: 'Bestätigung einrichten',
    lead: 'Danach können Sie bestätigen, was Anwendungen in Ihrem Namen verlangen.',
    linkLead: 'Hier richten Sie ein, womit Sie die Anfragen von Anwendungen bestätigen.',
    you: 'Sie',
    done: {
      title: 'Das funktioniert',
      text: 'Ab jetzt können Sie damit Anfragen bestätigen. Sie können diese Seite schließen.',
    },
    doneWithCodes: {
      title: 'Das funktioniert',
      text: 'Ab jetzt können Sie damit Anfragen bestätigen. Bewahren Sie die Codes unten auf, bevor Sie diese Seite schließen.',
    },
  },

  passkey: {
    show: 'Mit Passkey anzeigen',
    confirm: 'Mit Passkey bestätigen',
    refuse: 'Mit Passkey ablehnen',
    or: 'oder',
    needsScripts: 'Passkeys brauchen JavaScript, und das ist ausgeschaltet.',
    needsScriptsCodeDoesNot:
      'Passkeys brauchen JavaScript, und das ist ausgeschaltet. Mit einem Code geht es ohne.',
    wrong: 'Das war nicht richtig: Dieser Passkey ist dafür nicht registriert.',
    notUsed: 'Es wurde kein Passkey verwendet. Sie können es noch einmal versuchen.',
    heading: 'Mit einem Passkey',
    explanation:
      'Ihr Telefon, Ihr Computer oder ein Sicherheitsschlüssel fragt nach Ihrem Finger, Ihrem Gesicht oder einer PIN.',
    setUp: 'Passkey einrichten',
    notSetUp:
      'Dieser Passkey konnte nicht eingerichtet werden. Vielleicht ist er schon registriert.',
  },

  totp: {
    label: 'Code aus Ihrer Authenticator-App',
    hint: 'Sechs Ziffern. Jeder Code gilt einmal.',
    wrong:
      'Das war nicht richtig. Warten Sie auf den nächsten Code, falls dieser schon verwendet wurde.',
    demoUsed:
      'Dies ist die Demo. Der Code, den sie hier zeigen müsste, wurde verwendet: Laden Sie die Seite in einer halben Minute neu.',
    demo: (code) =>
      html`Dies ist die Demo. Die Testperson hat kein Telefon: Die App würde jetzt
        <strong>${code}</strong> zeigen. Dieser Code ist unten schon eingetragen.`,
    heading: 'Mit einer Authenticator-App',
    scan: (uri) =>
      html`Scannen Sie dies mit der App, oder <a href="${uri}">öffnen Sie es dort</a>.`,
    qrCode: 'QR-Code für die Authenticator-App',
    cannotScan: 'Es lässt sich nicht scannen',
    typeKey: (key) =>
      html`Geben Sie diesen Schlüssel in der App ein: <code class="key">${key}</code>`,
    setUp: 'App einrichten',
    notSetUp: 'Der Code war nicht richtig. Geben Sie den ein, den die App jetzt zeigt.',
  },

  recoveryCodes: {
    use: 'Einen Wiederherstellungscode verwenden',
    label: 'Wiederherstellungscode',
    hint: 'Einer von denen, die Sie erhalten haben, als Sie Ihre App oder Ihren Passkey eingerichtet haben. Jeder gilt einmal.',
    wrong:
      'Das war nicht richtig: Es ist keiner Ihrer Wiederherstellungscodes, oder er wurde schon verwendet.',
    left: (left) =>
      left === 0
        ? 'Sie haben keine Wiederherstellungscodes mehr.'
        : plural(left, {
            one: 'Sie haben noch 1 Wiederherstellungscode.',
            other: `Sie haben noch ${count(left)} Wiederherstellungscodes.`,
          }),
    askForNew: 'Bitten Sie den Betreiber dieses Dienstes um einen Link für neue.',
    newHeading: 'Oder neue Wiederherstellungscodes holen',
    newExplanation:
      'Für den Fall, dass Sie die App oder den Passkey verloren haben. Die Codes von vorher gelten dann nicht mehr.',
    getNew: 'Neue Codes holen',
    notSetUp: 'Jetzt gibt es keine neuen Codes. Versuchen Sie es noch einmal.',
    heading: 'Ihre Wiederherstellungscodes',
    keep: html`Bewahren Sie diese Codes dort auf, wo Sie sie ohne Ihr Telefon finden. Jeder
      bestätigt eine Anfrage, wenn die App oder der Passkey verloren ist.
      <strong>Sie werden nur dieses eine Mal gezeigt.</strong>`,
    copy: 'Kopieren',
    save: 'Als Datei speichern',
    print: 'Drucken',
    copied: 'Die Codes sind in der Zwischenablage.',
    notCopied: 'Die Codes konnten nicht kopiert werden. Schreiben Sie sie auf.',
    saved: (file) => `Die Datei heißt ${file}.`,
  },
};
