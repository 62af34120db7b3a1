import { html } from '../html.js';
import { amountsIn } from './amounts.js';
import type { Texts } from './en.js';

const { duration, count, plural } = amountsIn('es');

/** The texts of pages in Spanish. */
export const es: Texts = {
  language: 'es',
  direction: 'ltr',

  errorTitle: (title) => `Error: ${title}`,

  link: {
    label: 'Su enlace',
    hint: 'Pegue completo el enlace que ha recibido.',
    showRequest: 'Ver la solicitud',
    goOn: 'Continuar',
  },

  decide: { confirm: 'Confirmar', refuse: 'Rechazar' },

  unshown: {
    title: 'Confirmar una solicitud',
    lead: 'Una aplicación quiere acceder en su nombre. Vea primero qué solicita.',
    withoutLink: 'Sin el enlace',
    showWhoYouAre: 'Identifíquese. Decidirá después de ver la solicitud.',
    endsIn: (seconds) => `La solicitud caduca por sí sola en ${duration(seconds)}.`,
  },

  confirm: {
    title: '¿Confirmar esta solicitud?',
    lead: (application) =>
      html`<strong>${application ?? 'Una aplicación'}</strong> quiere acceder en su nombre.`,
    decision: 'Su decisión',
    refuseUnknown: (seconds) =>
      `Rechácela si no sabe de qué se trata. Si cierra esta página, no se decide nada: la solicitud caduca por sí sola en ${duration(seconds)}.`,
    otherwise: '¿Ahora no, o no ha sido usted?',
    later: 'Ahora no',
    laterHint: (seconds) =>
      `No se decide nada. Puede volver con su enlace; la solicitud caduca por sí sola en ${duration(seconds)}.`,
    notMe: 'No he sido yo',
    notMeHint: (organisation) =>
      `Usted no ha iniciado nada que requiera este acceso. La solicitud se rechaza definitivamente, sin código, y se avisa a ${organisation ?? 'los responsables de este servicio'}.`,
    notSetUp:
      '¿Aún no ha configurado nada con qué confirmar? Pida un enlace a los responsables de este servicio.',
  },

  later: {
    title: 'No se ha decidido nada',
    text: (seconds) =>
      `La aplicación espera. La solicitud caduca por sí sola en ${duration(seconds)}; hasta entonces su enlace es válido. Puede cerrar esta página.`,
    back: 'Volver a la solicitud',
  },

  facts: {
    whoAsks: 'Quién lo solicita',
    inWhoseName: 'En nombre de quién',
    through: 'A través de',
    toDoWhat: 'Para hacer qué',
    withoutScope: 'acceso sin permisos concretos',
    scopeAt: (resource) => `en ${resource}`,
    exactly: 'Exactamente',
    exactlyNth: (nth) => `Exactamente (${count(nth)})`,
    where: 'Dónde',
    byTheCall: 'Con la llamada',
    forHowLong: 'Por cuánto tiempo',
    atMost: (seconds) => `como máximo ${duration(seconds)}`,
  },

  exactNames: {
    summary: 'Nombres exactos',
    hint: (organisation) =>
      `Las descripciones anteriores son de ${organisation ?? 'los responsables de este servicio'}. La aplicación no ha escrito ninguna. Estos son los nombres que cuentan:`,
    application: 'Aplicación',
    subject: 'Sujeto',
    issuer: 'Emisor',
    scopes: 'Permisos',
    noScopes: 'ninguno',
    resources: 'Recursos',
    agentSession: 'Sesión de agente',
    delegation: 'Delegación',
  },

  ends: {
    approved: {
      title: 'Confirmada',
      text: 'La aplicación ya puede continuar. Puede cerrar esta página.',
    },
    rejected: {
      title: 'Rechazada',
      text: 'La aplicación no obtiene nada. Puede cerrar esta página.',
    },
    pending: {
      title: 'Gracias',
      text: 'Otras personas también tienen que confirmar. Puede cerrar esta página.',
    },
    reported: {
      title: 'Aviso enviado',
      text: 'La solicitud queda rechazada definitivamente y los responsables de este servicio saben que no ha sido usted. Puede cerrar esta página.',
    },
    decided: {
      title: 'Ya está decidida',
      text: 'Esta solicitud ya se confirmó o se rechazó.',
    },
    expired: {
      title: 'Demasiado tarde',
      text: 'Esta solicitud ha caducado. La aplicación tiene que volver a pedirla.',
    },
    not_here: {
      title: 'No se confirma aquí',
      text: 'Otras personas o sistemas deciden sobre esta solicitud.',
    },
  },

  receipt: {
    button: 'Obtener un comprobante',
    hint: 'Un archivo que demuestra a otros qué decidió usted y cuándo. No dice nada de la solicitud.',
    notYet: {
      title: 'Todavía no',
      text: 'El comprobante se crea en aproximadamente un minuto. Vuelva a pedirlo entonces.',
    },
  },

  decided: {
    approved:
      'Nada de lo que haga aquí cambia esta solicitud. Se confirmó. La aplicación puede continuar.',
    consumed:
      'Nada de lo que haga aquí cambia esta solicitud. Se confirmó, y la aplicación ha continuado.',
    rejected:
      'Nada de lo que haga aquí cambia esta solicitud. Se rechazó. La aplicación no obtiene nada.',
  },

  problems: {
    noEvidence: 'Introduzca el código y elija qué hacer.',
    noLink: 'Ese no es el enlace de esta solicitud. Pegue el enlace completo.',
    unproven: 'Ha pasado demasiado tiempo. Identifíquese de nuevo.',
    tooMany: (seconds) => `Ha habido demasiados códigos incorrectos. Espere ${duration(seconds)}.`,
    tooManyOrPasskey: (seconds) =>
      `Ha habido demasiados códigos incorrectos. Espere ${duration(seconds)} o use una clave de acceso.`,
    triesLeft: (left) =>
      left === 0
        ? 'Ese era el último intento por ahora.'
        : plural(left, {
            one: 'Le queda un intento.',
            other: `Le quedan ${count(left)} intentos.`,
          }),
  },

  errors: {
    busy: {
      title: 'Ahora no es posible',
      text: 'Esto no se ha podido hacer ahora. Vuelva atrás e inténtelo de nuevo en un momento: si se ha decidido algo, lo sabrá entonces.',
    },
    malformed: {
      title: 'No ha funcionado',
      text: 'Lo que se ha enviado no es lo que envía esta página, y no se ha decidido nada. Abra su enlace otra vez.',
    },
    failed: {
      title: 'No ha funcionado',
      text: 'Algo va mal aquí. Vuelva atrás e inténtelo de nuevo más tarde.',
    },
    noRequest: {
      title: 'Aquí no hay nada',
      text: 'Este enlace no lleva a ninguna solicitud. Puede que esté mal escrito o que sea demasiado antiguo.',
    },
    noEnrolment: {
      title: 'Aquí no hay nada',
      text: 'Este enlace ya se ha usado, es demasiado antiguo o no está completo. Pida uno nuevo.',
    },
    oldLink: {
      title: 'Este enlace ya no es válido',
      text: 'Es de un tipo antiguo, que otros pueden haber visto. Pida uno nuevo.',
    },
  },

  enrol: {
    title: 'Configurar la confirmación',
    lead: 'Después podrá confirmar lo que las aplicaciones soliciten en su nombre.',
    linkLead: 'Aquí configura con qué confirma las solicitudes de las aplicaciones.',
    you: 'Usted',
    done: {
      title: 'Funciona',
      text: 'Desde ahora puede confirmar solicitudes así. Puede cerrar esta página.',
    },
    doneWithCodes: {
      title: 'Funciona',
      text: 'Desde ahora puede confirmar solicitudes así. Antes de cerrar esta página, guarde los códigos de abajo.',
    },
  },

  passkey: {
    show: 'Ver con una clave de acceso',
    confirm: 'Confirmar con clave de acceso',
    refuse: 'Rechazar con clave de acceso',
    or: 'o bien',
    needsScripts: 'Las claves de acceso necesitan JavaScript, que está desactivado.',
    needsScriptsCodeDoesNot:
      'Las claves de acceso necesitan JavaScript, que está desactivado. Con un código no hace falta.',
    wrong: 'No es correcto: esa clave de acceso no está registrada para esto.',
    notUsed: 'No se ha usado ninguna clave de acceso. Puede intentarlo de nuevo.',
    heading: 'Con una clave de acceso',
    explanation:
      'Su teléfono, su ordenador o una llave de seguridad le pedirá la huella, la cara o un PIN.',
    setUp: 'Configurar una clave de acceso',
    notSetUp: 'No se ha podido configurar esa clave de acceso. Puede que ya esté registrada.',
  },

  totp: {
    label: 'Código de su aplicación de autenticación',
    hint: 'Seis cifras. Cada código sirve una sola vez.',
    wrong: 'No es correcto. Si ese código ya se ha usado, espere al siguiente.',
    demoUsed:
      'Esta es la demo. El código que tenía que mostrar ya se ha usado: vuelva a cargar la página dentro de medio minuto.',
    demo: (code) =>
      html`Esta es la demo. La persona ficticia no tiene teléfono: la aplicación mostraría ahora
        <strong>${code}</strong>, que ya está escrito abajo.`,
    heading: 'Con una aplicación de autenticación',
    scan: (uri) => html`Escanee esto con la aplicación o <a href="${uri}">ábralo en ella</a>.`,
    qrCode: 'Código QR para la aplicación de autenticación',
    cannotScan: 'No se puede escanear',
    typeKey: (key) => html`Escriba esta clave en la aplicación: <code class="key">${key}</code>`,
    setUp: 'Configurar la aplicación',
    notSetUp: 'Ese código no es correcto. Introduzca el que la aplicación muestra ahora.',
  },

  recoveryCodes: {
    use: 'Usar un código de recuperación',
    label: 'Código de recuperación',
    hint: 'Uno de los que recibió al configurar su aplicación o su clave de acceso. Cada uno sirve una sola vez.',
    wrong: 'No es correcto: no es ninguno de sus códigos de recuperación, o ya se ha usado.',
    left: (left) =>
      left === 0
        ? 'No le quedan códigos de recuperación.'
        : plural(left, {
            one: 'Le queda 1 código de recuperación.',
            other: `Le quedan ${count(left)} códigos de recuperación.`,
          }),
    askForNew: 'Pida a los responsables de este servicio un enlace para obtener otros nuevos.',
    newHeading: 'O bien obtener nuevos códigos de recuperación',
    newExplanation:
      'Por si ha perdido la aplicación o la clave de acceso. Los códigos que tenía antes dejarán de servir.',
    getNew: 'Obtener códigos nuevos',
    notSetUp: 'Ahora no hay códigos nuevos. Inténtelo de nuevo.',
    heading: 'Sus códigos de recuperación',
    keep: html`Guárdelos donde los encuentre sin su teléfono. Cada uno confirma una solicitud si se
      pierde la aplicación o la clave de acceso. <strong>Solo se muestran esta vez.</strong>`,
    copy: 'Copiar',
    save: 'Guardar como archivo',
    print: 'Imprimir',
    copied: 'Los códigos están en el portapapeles.',
    notCopied: 'No se han podido copiar los códigos. Anótelos.',
    saved: (file) => `El archivo se llama ${file}.`,
  },
};
