import { html } from '../html.js';
import { amountsIn } from './amounts.js';
import type { Texts } from './en.js';

const { duration, count, plural } = amountsIn('fr');

/** The texts of pages in French. What must not begin a line has a space before it that does not break. */
export const fr: Texts = {
  language: 'fr',
  direction: 'ltr',

  errorTitle: (title) => `Erreur\u00a0: ${title}`,

  link: {
    label: 'Votre lien',
    hint: 'Collez en entier le lien que vous avez reçu.',
    showRequest: 'Afficher la demande',
    goOn: 'Continuer',
  },

  decide: { confirm: 'Confirmer', refuse: 'Refuser' },

  unshown: {
    title: 'Confirmer une demande',
    lead: 'Une application souhaite un accès en votre nom. Regardez d’abord ce qu’elle demande.',
    withoutLink: 'Sans le lien',
    showWhoYouAre: 'Prouvez votre identité. Vous déciderez après avoir vu la demande.',
    endsIn: (seconds) => `La demande expire d’elle-même dans ${duration(seconds)}.`,
  },

  confirm: {
    title: 'Confirmer cette demande\u00a0?',
    lead: (application) =>
      html`<strong>${application ?? 'Une application'}</strong> souhaite un accès en votre nom.`,
    decision: 'Votre décision',
    refuseUnknown: (seconds) =>
      `Refusez si vous ne savez pas de quoi il s’agit. Si vous fermez cette page, rien n’est décidé\u00a0: la demande expire d’elle-même dans ${duration(seconds)}.`,
    otherwise: 'Pas maintenant, ou pas vous\u00a0?',
    later: 'Pas maintenant',
    laterHint: (seconds) =>
      `Rien n’est décidé. Vous pourrez revenir avec votre lien\u00a0; la demande expire d’elle-même dans ${duration(seconds)}.`,
    notMe: 'Ce n’était pas moi',
    notMeHint: (organisation) =>
      `Vous n’avez rien commencé qui exige cet accès. La demande est refusée définitivement, sans code, et nous en informons ${organisation ?? 'les responsables de ce service'}.`,
    notSetUp:
      'Vous n’avez encore rien configuré pour confirmer\u00a0? Demandez un lien aux responsables de ce service.',
  },

  later: {
    title: 'Rien n’est décidé',
    text: (seconds) =>
      `L’application attend. La demande expire d’elle-même dans ${duration(seconds)}\u00a0; d’ici là, votre lien reste valable. Vous pouvez fermer cette page.`,
    back: 'Revenir à la demande',
  },

  facts: {
    whoAsks: 'Qui demande',
    inWhoseName: 'Au nom de qui',
    through: 'Par l’intermédiaire de',
    toDoWhat: 'Pour faire quoi',
    withoutScope: 'un accès sans autorisation particulière',
    scopeAt: (resource) => `sur ${resource}`,
    exactly: 'Exactement',
    exactlyNth: (nth) => `Exactement (${count(nth)})`,
    where: 'Où',
    byTheCall: 'Par l’appel',
    forHowLong: 'Pour combien de temps',
    atMost: (seconds) => `au plus ${duration(seconds)}`,
  },

  exactNames: {
    summary: 'Noms exacts',
    hint: (organisation) =>
      `Les descriptions ci-dessus ont été rédigées par ${organisation ?? 'les responsables de ce service'}. L’application n’en a écrit aucune. Voici les noms qui comptent\u00a0:`,
    application: 'Application cliente',
    subject: 'Sujet',
    issuer: 'Émetteur',
    scopes: 'Autorisations',
    noScopes: 'aucune',
    resources: 'Ressources',
    agentSession: 'Session d’agent',
    delegation: 'Délégation',
  },

  ends: {
    approved: {
      title: 'Confirmé',
      text: 'L’application peut maintenant continuer. Vous pouvez fermer cette page.',
    },
    rejected: {
      title: 'Refusé',
      text: 'L’application n’obtient rien. Vous pouvez fermer cette page.',
    },
    pending: {
      title: 'Merci',
      text: 'D’autres personnes doivent confirmer aussi. Vous pouvez fermer cette page.',
    },
    reported: {
      title: 'Signalé',
      text: 'La demande est refusée définitivement, et les responsables de ce service sont informés que ce n’était pas vous. Vous pouvez fermer cette page.',
    },
    decided: {
      title: 'Déjà décidé',
      text: 'Cette demande a déjà été confirmée ou refusée.',
    },
    expired: {
      title: 'Trop tard',
      text: 'Cette demande a expiré. L’application doit la renouveler.',
    },
    not_here: {
      title: 'Ne se confirme pas ici',
      text: 'D’autres personnes ou systèmes décident de cette demande.',
    },
  },

  receipt: {
    button: 'Obtenir un reçu',
    hint: 'Un fichier qui prouve à d’autres ce que vous avez décidé, et quand. Il ne dit rien de la demande.',
    notYet: {
      title: 'Pas encore',
      text: 'Le reçu est établi en une minute environ. Redemandez-le ensuite.',
    },
  },

  decided: {
    approved:
      'Rien de ce que vous faites ici ne change cette demande. Elle a été confirmée. L’application peut continuer.',
    consumed:
      'Rien de ce que vous faites ici ne change cette demande. Elle a été confirmée, et l’application a continué.',
    rejected:
      'Rien de ce que vous faites ici ne change cette demande. Elle a été refusée. L’application n’obtient rien.',
  },

  problems: {
    noEvidence: 'Saisissez le code et choisissez ce qu’il faut faire.',
    noLink: 'Ce n’est pas le lien de cette demande. Collez le lien en entier.',
    unproven: 'Vous avez mis trop de temps. Prouvez de nouveau votre identité.',
    tooMany: (seconds) => `Trop de codes erronés. Attendez ${duration(seconds)}.`,
    tooManyOrPasskey: (seconds) =>
      `Trop de codes erronés. Attendez ${duration(seconds)}, ou utilisez une clé d’accès.`,
    triesLeft: (left) =>
      left === 0
        ? 'C’était le dernier essai pour le moment.'
        : plural(left, {
            one: 'Il vous reste un essai.',
            other: `Il vous reste ${count(left)} essais.`,
          }),
  },

  errors: {
    busy: {
      title: 'Pas maintenant',
      text: 'Cela n’a pas pu être fait maintenant. Revenez en arrière et réessayez dans un instant\u00a0: si quelque chose a été décidé, vous l’apprendrez.',
    },
    malformed: {
      title: 'Cela n’a pas fonctionné',
      text: 'Ce qui a été envoyé ne vient pas de cette page, et rien n’a été décidé. Ouvrez de nouveau votre lien.',
    },
    failed: {
      title: 'Cela n’a pas fonctionné',
      text: 'Quelque chose ne va pas ici. Revenez en arrière et réessayez plus tard.',
    },
    noRequest: {
      title: 'Rien ici',
      text: 'Ce lien ne mène à aucune demande. Il est peut-être mal écrit ou trop ancien.',
    },
    noEnrolment: {
      title: 'Rien ici',
      text: 'Ce lien a déjà servi, est trop ancien ou incomplet. Demandez-en un nouveau.',
    },
    oldLink: {
      title: 'Ce lien n’est plus valable',
      text: 'Il est d’un type ancien, que d’autres ont pu voir. Demandez-en un nouveau.',
    },
  },

  enrol: {
    title: 'Configurer la confirmation',
    lead: 'Vous pourrez ensuite confirmer ce que des applications demandent en votre nom.',
    linkLead: 'Configurez ici ce avec quoi vous confirmez les demandes des applications.',
    you: 'Vous',
    done: {
      title: 'Cela fonctionne',
      text: 'Vous pouvez désormais confirmer des demandes de cette façon. Vous pouvez fermer cette page.',
    },
    doneWithCodes: {
      title: 'Cela fonctionne',
      text: 'Vous pouvez désormais confirmer des demandes de cette façon. Avant de fermer cette page, conservez les codes ci-dessous.',
    },
  },

  passkey: {
    show: 'Afficher avec une clé d’accès',
    confirm: 'Confirmer avec une clé d’accès',
    refuse: 'Refuser avec une clé d’accès',
    or: 'ou',
    needsScripts: 'Les clés d’accès ont besoin de JavaScript, qui est désactivé.',
    needsScriptsCodeDoesNot:
      'Les clés d’accès ont besoin de JavaScript, qui est désactivé. Un code s’en passe.',
    wrong:
      'Ce n’était pas correct\u00a0: cette clé d’accès n’est pas enregistrée pour cette demande.',
    notUsed: 'Aucune clé d’accès n’a été utilisée. Vous pouvez réessayer.',
    heading: 'Avec une clé d’accès',
    explanation:
      'Votre téléphone, votre ordinateur ou une clé de sécurité demande votre doigt, votre visage ou un code PIN.',
    setUp: 'Configurer une clé d’accès',
    notSetUp: 'Cette clé d’accès n’a pas pu être configurée. Elle est peut-être déjà enregistrée.',
  },

  totp: {
    label: 'Code de votre application d’authentification',
    hint: 'Six chiffres. Chaque code ne sert qu’une fois.',
    wrong: 'Ce n’était pas correct. Si ce code a déjà servi, attendez le suivant.',
    demoUsed:
      'Ceci est la démo. Le code qu’elle devait afficher a déjà servi\u00a0: rechargez la page dans une demi-minute.',
    demo: (code) =>
      html`Ceci est la démo. La personne fictive n’a pas de téléphone : l’application y afficherait
        maintenant <strong>${code}</strong>, qui est déjà saisi ci-dessous.`,
    heading: 'Avec une application d’authentification',
    scan: (uri) =>
      html`Scannez ceci avec l’application, ou <a href="${uri}">ouvrez-le dans celle-ci</a>.`,
    qrCode: 'Code QR pour l’application d’authentification',
    cannotScan: 'Impossible de scanner',
    typeKey: (key) =>
      html`Saisissez cette clé dans l’application : <code class="key">${key}</code>`,
    setUp: 'Configurer l’application',
    notSetUp: 'Ce code n’était pas correct. Saisissez celui que l’application affiche maintenant.',
  },

  recoveryCodes: {
    use: 'Utiliser un code de secours',
    label: 'Code de secours',
    hint: 'L’un de ceux que vous avez reçus en configurant votre application ou votre clé d’accès. Chacun ne sert qu’une fois.',
    wrong:
      'Ce n’était pas correct\u00a0: ce n’est pas l’un de vos codes de secours, ou il a déjà servi.',
    left: (left) =>
      left === 0
        ? 'Il ne vous reste aucun code de secours.'
        : plural(left, {
            one: 'Il vous reste 1 code de secours.',
            other: `Il vous reste ${count(left)} codes de secours.`,
          }),
    askForNew: 'Pour en obtenir de nouveaux, demandez un lien aux responsables de ce service.',
    newHeading: 'Ou obtenir de nouveaux codes de secours',
    newExplanation:
      'Si vous avez perdu l’application ou la clé d’accès. Les codes que vous aviez avant ne seront plus valables.',
    getNew: 'Obtenir de nouveaux codes',
    notSetUp: 'Il n’y a pas de nouveaux codes pour le moment. Réessayez.',
    heading: 'Vos codes de secours',
    keep: html`Conservez-les là où vous les trouverez sans votre téléphone. Chacun confirme une
      demande si l’application ou la clé d’accès est perdue.
      <strong>Ils ne sont affichés que cette fois.</strong>`,
    copy: 'Copier',
    save: 'Enregistrer dans un fichier',
    print: 'Imprimer',
    copied: 'Les codes sont dans le presse-papiers.',
    notCopied: 'Les codes n’ont pas pu être copiés. Notez-les.',
    saved: (file) => `Le fichier s’appelle ${file}.`,
  },
};
