//! The texts in Spanish.

use super::table::Table;

pub(super) const SPANISH: Table = Table {
    reference: "Referencia: {id}",
    try_again: "Volver a intentarlo",
    try_start_page: "Volver a intentarlo desde la página de inicio",
    open_application: "Abrir la aplicación",
    go_on: "Continuar",
    sign_in: "Iniciar sesión",
    sign_in_again: "Volver a iniciar sesión",
    sign_out: "Cerrar sesión",
    sign_out_there_too: "Cerrar sesión también allí",
    sign_in_required_title: "Es necesario iniciar sesión",
    sign_in_required: "No ha iniciado sesión, por lo que no se ha transmitido nada de esta solicitud. Inicie sesión y vuelva a \
        intentarlo.",
    forbidden_title: "Sin acceso",
    forbidden: "Ha iniciado sesión como {user}, y este usuario no tiene acceso a esta dirección. Solicítelo al \
        administrador, o cierre la sesión e inicie otra con otro usuario.",
    step_up_title: "Es necesario volver a iniciar sesión",
    step_up_acr: "Ha iniciado sesión como {user}, y esta dirección exige un inicio de sesión de tipo {acr}.",
    step_up_max_age: "Ha iniciado sesión como {user}, y esta dirección exige un inicio de sesión de hace menos de {age}.",
    step_up_acr_and_max_age: "Ha iniciado sesión como {user}, y esta dirección exige un inicio de sesión de tipo {acr} de hace menos de \
        {age}.",
    or: "o",
    step_up_not_asked: "No se ha transmitido nada de esta solicitud. Vuelva a iniciar sesión y repítala.",
    step_up_in_vain: "Se le pidió al proveedor de identidad, y su respuesta no lo acredita. Vuelva a iniciar sesión o comunique \
        al administrador la referencia que figura abajo.",
    step_up_without_time: "Se le pidió al proveedor de identidad, pero no indica cuándo inició usted sesión (auth_time). Comunique \
        al administrador la referencia que figura abajo.",
    refused_title: "Solicitud rechazada",
    address_too_long: "La dirección es más larga de lo que este servidor admite.",
    too_many_headers: "La solicitud contiene más cabeceras de las que este servidor admite.",
    too_many_cookies: "Su navegador ha enviado demasiadas cookies. Borre las cookies de este sitio y vuelva a intentarlo.",
    unknown_address_title: "Dirección desconocida",
    unknown_host: "No hay ninguna aplicación configurada para esta dirección.",
    unknown_application: "El proxy frontal nombra una aplicación que no está configurada para esta dirección.",
    bad_request_title: "Solicitud incorrecta",
    ambiguous_path: "La ruta de esta dirección puede leerse de más de una manera.",
    malformed: "La solicitud está incompleta o puede leerse de más de una manera.",
    unavailable_title: "No disponible temporalmente",
    overdue: "El servidor no ha podido decidir a tiempo. Vuelva a intentarlo.",
    store_unavailable: "En este momento no se pueden consultar las sesiones. Su sesión no se ha cerrado; vuelva a intentarlo en \
        breve.",
    provider_unavailable: "El proveedor de identidad no responde en este momento. Vuelva a intentarlo en breve.",
    entropy_unavailable: "En este momento el servidor no puede proteger los inicios de sesión. Vuelva a intentarlo en breve.",
    keys_unavailable: "En este momento el servidor no puede publicar sus claves. Vuelva a intentarlo en breve.",
    untrusted_peer_title: "No es un proxy frontal",
    untrusted_peer: "Solo los proxies frontales del administrador pueden enviar solicitudes aquí.",
    mode_proxy_title: "No es para este proxy frontal",
    mode_proxy: "A esta aplicación solo se accede a través de Envoy.",
    own_endpoint_title: "No es para un proxy frontal",
    own_endpoint: "Esta dirección solo responde a navegadores, no a las subsolicitudes de un proxy frontal.",
    not_found_title: "No encontrado",
    not_found: "No hay nada en esta dirección.",
    method_title: "Método no permitido",
    method: "Esta dirección no admite ese método.",
    credential_title: "No aceptado",
    credential: "Las credenciales enviadas con esta solicitud no son válidas aquí.",
    credential_scope: "A las credenciales enviadas con esta solicitud les falta un permiso (scope) que aquí se necesita.",
    use_https_title: "Utilice https",
    use_https: "A esta aplicación solo se accede por https.",
    https_hidden_title: "No se reconoce https",
    https_hidden: "Su navegador ha utilizado https, pero la solicitud ha llegado aquí como http sin cifrar: un proxy situado \
        delante de este servidor no indica que era https. Solo el administrador puede cambiarlo; comuníquele la \
        referencia que figura abajo.",
    signed_in_title: "Sesión iniciada",
    signed_in: "Ha iniciado sesión.",
    sign_in_loop_title: "Bucle de inicio de sesión",
    sign_in_loop: "Acaba de iniciar sesión y la aplicación se lo vuelve a pedir. Continuar repetiría esto sin fin. Comunique \
        al administrador la referencia que figura abajo.",
    too_many_sign_ins_title: "Demasiados inicios de sesión",
    too_many_sign_ins: "Desde su dirección de red se han comenzado más inicios de sesión de los que se permiten en un minuto. \
        Vuelva a intentarlo en unos instantes.",
    session_over_limit_title: "Sesión cerrada",
    session_over_limit: "Usted, o alguien en su nombre, ha iniciado sesión en esta aplicación con otro navegador. La aplicación \
        permite {limit} a la vez por usuario, y esta sesión era la más antigua. Si no ha sido usted, avise al operador.",
    sign_in_failed_title: "Error al iniciar sesión",
    callback_incomplete: "La dirección con la que ha vuelto está incompleta.",
    sign_in_unknown: "Este inicio de sesión no se comenzó aquí, o hace demasiado tiempo.",
    other_issuer: "La respuesta no procede del proveedor de identidad esperado.",
    answer_not_accepted: "No se ha podido aceptar la respuesta del proveedor de identidad. Comunique al administrador la referencia \
        que figura abajo.",
    token_ended: "El token del proveedor de identidad ya había caducado. Informe al administrador.",
    identity_too_large: "El proveedor de identidad envía más datos sobre usted de los que caben en una solicitud. Comunique al \
        administrador la referencia que figura abajo.",
    answer_without_body: "La respuesta del proveedor de identidad no ha llegado: un proxy situado delante de este servidor no \
        transmite el cuerpo de la solicitud, y solo el administrador puede cambiarlo. Comuníquele la referencia \
        que figura abajo.",
    answer_no_form: "La respuesta del proveedor de identidad no es un formulario de 64 KiB como máximo.",
    no_cookie: "No se ha podido completar el inicio de sesión: no ha llegado ninguna cookie. O bien su navegador no \
        acepta cookies de este sitio, o bien un proxy situado delante de este servidor no las transmite, y solo el \
        administrador puede cambiarlo.",
    not_completed: "No se ha podido completar el inicio de sesión. Si vuelve a ocurrir, compruebe que su navegador acepta \
        cookies de este sitio.",
    provider_refused_title: "Inicio de sesión rechazado",
    provider_refused: "El proveedor de identidad ha respondido «{error}». {description}",
    provider_refused_bare: "El proveedor de identidad ha respondido «{error}», sin dar ninguna descripción.",
    signed_out_title: "Sesión cerrada",
    signed_out: "Ha cerrado la sesión en esta aplicación.",
    one_step_left: "Ha cerrado la sesión aquí. Falta un paso en el proveedor de identidad.",
    signed_out_here_title: "Sesión cerrada aquí",
    signed_out_here: "Ha cerrado la sesión en este navegador. En este momento el servidor no puede registrarlo: sus demás \
        instancias lo harán en cuanto sea posible, y también se cerrarán sus sesiones en otros navegadores. La \
        sesión en el proveedor de identidad no se ha cerrado.",
    signed_out_only_here: "Ha cerrado la sesión en este navegador. En este momento el servidor no puede registrarlo: sus demás \
        instancias lo harán en cuanto sea posible. No ha podido consultar sus sesiones en otros navegadores: \
        ciérrelas también allí. La sesión en el proveedor de identidad no se ha cerrado.",
    sign_out_question_title: "¿Cerrar la sesión?",
    sign_out_question: "¿Desea cerrar la sesión?",
    sign_out_refused_title: "Cierre de sesión rechazado",
    sign_out_refused: "Solo el usuario puede cerrar la sesión, abriendo esta dirección en el navegador.",
    provider_signed_out: "El proveedor de identidad ha pedido a esta aplicación que cierre su sesión.",
    cross_origin_title: "Rechazado",
    cross_origin: "Solo las páginas de esta aplicación pueden preguntar quién ha iniciado sesión.",
    your_sessions: "Sus sesiones",
    sessions_introduction: "Ha iniciado sesión {count} veces como {user}.",
    sessions_only_this: "Ha iniciado sesión como {user}, únicamente aquí.",
    sessions_newest: "Se muestran las {shown} más recientes.",
    session_since: "Sesión iniciada {ago}",
    session_last_use: "último uso {ago}",
    just_now: "ahora mismo",
    minutes_ago: "hace {count} min",
    hours_ago: "hace {count} h",
    days_ago: "hace {count} d",
    this_session: "Esta sesión",
    end_session: "Cerrar",
    end_session_of: "Cerrar la sesión de {application}, iniciada {ago}",
    end_other_sessions: "Cerrar todas las demás sesiones",
    recent_sign_in_needed: "Para cerrar otras sesiones, vuelva a iniciar sesión primero: inició la suya hace más de {age}.",
    recent_sign_in_in_vain: "Se pidió al proveedor de identidad un nuevo inicio de sesión, y su respuesta no lo acredita.",
    sign_out_everywhere: "Cerrar la sesión en todas partes",
    open_sessions: "Abrir sus sesiones",
    sessions_browsers_only: "Esta página es para navegadores.",
    nothing_ended_title: "No se ha cerrado ninguna sesión",
    nothing_ended: "La sesión ya se ha cerrado, o el botón procede de una página anterior. Vuelva a abrir sus sesiones.",
    end_refused_title: "Rechazado",
    end_refused: "Solo la página de sus sesiones puede cerrarlas.",
};
