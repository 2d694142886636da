//! The texts in German.

use super::table::Table;

pub(super) const GERMAN: Table = Table {
    reference: "Referenz: {id}",
    try_again: "Erneut versuchen",
    try_start_page: "Auf der Startseite erneut versuchen",
    open_application: "Anwendung öffnen",
    go_on: "Weiter",
    sign_in: "Anmelden",
    sign_in_again: "Erneut anmelden",
    sign_out: "Abmelden",
    sign_out_there_too: "Auch dort abmelden",
    sign_in_required_title: "Anmeldung erforderlich",
    sign_in_required: "Sie sind nicht angemeldet; deshalb wurde von dieser Anfrage nichts weitergegeben. Bitte melden Sie sich \
        an und versuchen Sie es dann erneut.",
    forbidden_title: "Kein Zugriff",
    forbidden: "Sie sind als {user} angemeldet, und dieser Benutzer hat keinen Zugriff auf diese Adresse. Bitten Sie den \
        Betreiber darum, oder melden Sie sich ab und als anderer Benutzer wieder an.",
    step_up_title: "Eine weitere Anmeldung ist nötig",
    step_up_acr: "Sie sind als {user} angemeldet, und diese Adresse verlangt eine Anmeldung der Art {acr}.",
    step_up_max_age: "Sie sind als {user} angemeldet, und diese Adresse verlangt eine Anmeldung innerhalb der letzten {age}.",
    step_up_acr_and_max_age: "Sie sind als {user} angemeldet, und diese Adresse verlangt eine Anmeldung der Art {acr} innerhalb der \
        letzten {age}.",
    or: "oder",
    step_up_not_asked: "Von dieser Anfrage wurde nichts weitergegeben. Bitte melden Sie sich erneut an und wiederholen Sie sie dann.",
    step_up_in_vain: "Der Identitätsanbieter wurde darum gebeten, und seine Antwort weist keine solche Anmeldung aus. Bitte \
        melden Sie sich erneut an, oder nennen Sie dem Betreiber die Referenz unten.",
    step_up_without_time: "Der Identitätsanbieter wurde darum gebeten, teilt aber nicht mit, wann Sie sich angemeldet haben \
        (auth_time). Bitte nennen Sie dem Betreiber die Referenz unten.",
    refused_title: "Anfrage abgelehnt",
    address_too_long: "Die Adresse ist länger, als dieser Server zulässt.",
    too_many_headers: "Die Anfrage enthält mehr Kopfzeilen, als dieser Server zulässt.",
    too_many_cookies: "Ihr Browser hat zu viele Cookies gesendet. Bitte löschen Sie die Cookies dieser Website und versuchen Sie \
        es erneut.",
    unknown_address_title: "Unbekannte Adresse",
    unknown_host: "Für diese Adresse ist keine Anwendung eingerichtet.",
    unknown_application: "Der vorgelagerte Proxy nennt eine Anwendung, die für diese Adresse nicht eingerichtet ist.",
    bad_request_title: "Fehlerhafte Anfrage",
    ambiguous_path: "Der Pfad dieser Adresse lässt sich auf mehr als eine Weise lesen.",
    malformed: "Die Anfrage ist unvollständig oder lässt sich auf mehr als eine Weise lesen.",
    unavailable_title: "Vorübergehend nicht verfügbar",
    overdue: "Der Server konnte nicht rechtzeitig entscheiden. Bitte versuchen Sie es erneut.",
    store_unavailable: "Sitzungen können zurzeit nicht nachgeschlagen werden. Sie sind nicht abgemeldet; bitte versuchen Sie es \
        in Kürze erneut.",
    provider_unavailable: "Der Identitätsanbieter antwortet zurzeit nicht. Bitte versuchen Sie es in Kürze erneut.",
    entropy_unavailable: "Der Server kann Anmeldungen zurzeit nicht absichern. Bitte versuchen Sie es in Kürze erneut.",
    keys_unavailable: "Der Server kann seine Schlüssel zurzeit nicht veröffentlichen. Bitte versuchen Sie es in Kürze erneut.",
    untrusted_peer_title: "Kein vorgelagerter Proxy",
    untrusted_peer: "Nur die vorgelagerten Proxys des Betreibers dürfen Anfragen hierher senden.",
    mode_proxy_title: "Nicht für diesen Proxy",
    mode_proxy: "Diese Anwendung ist nur über Envoy erreichbar.",
    own_endpoint_title: "Nicht für einen Proxy",
    own_endpoint: "Diese Adresse antwortet nur Browsern, nicht den Unteranfragen eines vorgelagerten Proxys.",
    not_found_title: "Nicht gefunden",
    not_found: "Unter dieser Adresse gibt es nichts.",
    method_title: "Methode nicht erlaubt",
    method: "Diese Adresse unterstützt diese Methode nicht.",
    credential_title: "Nicht angenommen",
    credential: "Die mit dieser Anfrage gesendeten Zugangsdaten sind hier nicht gültig.",
    credential_scope: "Den mit dieser Anfrage gesendeten Zugangsdaten fehlt eine Berechtigung (Scope), die hier nötig ist.",
    use_https_title: "Bitte https verwenden",
    use_https: "Diese Anwendung ist nur über https erreichbar.",
    https_hidden_title: "https wird nicht erkannt",
    https_hidden: "Ihr Browser hat https verwendet, die Anfrage kam hier aber als unverschlüsseltes http an: Ein Proxy vor \
        diesem Server gibt nicht weiter, dass es https war. Nur der Betreiber kann das ändern; bitte nennen Sie \
        ihm die Referenz unten.",
    signed_in_title: "Angemeldet",
    signed_in: "Sie sind angemeldet.",
    sign_in_loop_title: "Anmeldeschleife",
    sign_in_loop: "Sie haben sich gerade eben angemeldet, und die Anwendung verlangt es erneut. Fortzufahren würde dies \
        endlos wiederholen. Bitte nennen Sie dem Betreiber die Referenz unten.",
    too_many_sign_ins_title: "Zu viele Anmeldungen",
    too_many_sign_ins: "Von Ihrer Netzwerkadresse wurden mehr Anmeldungen begonnen, als in einer Minute erlaubt sind. Bitte \
        versuchen Sie es in Kürze erneut.",
    session_over_limit_title: "Abgemeldet",
    session_over_limit: "Sie oder jemand in Ihrem Namen hat sich mit einem anderen Browser bei dieser Anwendung angemeldet. Sie \
        erlaubt je Benutzer {limit} gleichzeitig, und dies war die älteste Anmeldung. Wenn Sie es nicht waren, informieren Sie \
        den Betreiber.",
    sign_in_failed_title: "Anmeldung fehlgeschlagen",
    callback_incomplete: "Die Adresse, mit der Sie zurückgekehrt sind, ist unvollständig.",
    sign_in_unknown: "Diese Anmeldung wurde nicht hier begonnen oder ist zu lange her.",
    other_issuer: "Die Antwort kam nicht vom erwarteten Identitätsanbieter.",
    answer_not_accepted: "Die Antwort des Identitätsanbieters konnte nicht angenommen werden. Bitte nennen Sie dem Betreiber die \
        Referenz unten.",
    token_ended: "Das Token des Identitätsanbieters war bereits abgelaufen. Bitte informieren Sie den Betreiber.",
    identity_too_large: "Der Identitätsanbieter sendet mehr Daten über Sie, als eine Anfrage enthalten kann. Bitte nennen Sie dem \
        Betreiber die Referenz unten.",
    answer_without_body: "Die Antwort des Identitätsanbieters ist nicht angekommen: Ein Proxy vor diesem Server gibt den Inhalt der \
        Anfrage nicht weiter, was nur der Betreiber ändern kann. Bitte nennen Sie ihm die Referenz unten.",
    answer_no_form: "Die Antwort des Identitätsanbieters ist kein Formular von höchstens 64 KiB.",
    no_cookie: "Die Anmeldung konnte nicht abgeschlossen werden: Es kam kein Cookie an. Entweder nimmt Ihr Browser keine \
        Cookies von dieser Website an, oder ein Proxy vor diesem Server gibt sie nicht weiter, was nur der \
        Betreiber ändern kann.",
    not_completed: "Die Anmeldung konnte nicht abgeschlossen werden. Falls dies erneut geschieht, prüfen Sie bitte, ob Ihr \
        Browser Cookies von dieser Website annimmt.",
    provider_refused_title: "Anmeldung abgelehnt",
    provider_refused: "Der Identitätsanbieter antwortete „{error}“. {description}",
    provider_refused_bare: "Der Identitätsanbieter antwortete „{error}“. Eine Beschreibung gab er nicht.",
    signed_out_title: "Abgemeldet",
    signed_out: "Sie sind von dieser Anwendung abgemeldet.",
    one_step_left: "Sie sind hier abgemeldet. Beim Identitätsanbieter bleibt noch ein Schritt.",
    signed_out_here_title: "Hier abgemeldet",
    signed_out_here: "Sie sind in diesem Browser abgemeldet. Der Server kann dies zurzeit nicht festhalten: Seine anderen \
        Instanzen folgen, sobald er es kann, ebenso Ihre Sitzungen in anderen Browsern. Beim Identitätsanbieter \
        sind Sie nicht abgemeldet.",
    signed_out_only_here: "Sie sind in diesem Browser abgemeldet. Der Server kann dies zurzeit nicht festhalten: Seine anderen \
        Instanzen folgen, sobald er es kann. Ihre Sitzungen in anderen Browsern konnte er nicht nachschlagen: \
        Bitte melden Sie sich auch dort ab. Beim Identitätsanbieter sind Sie nicht abgemeldet.",
    sign_out_question_title: "Abmelden?",
    sign_out_question: "Möchten Sie sich abmelden?",
    sign_out_refused_title: "Abmeldung abgelehnt",
    sign_out_refused: "Nur der Benutzer selbst kann sich abmelden, indem er diese Adresse im Browser öffnet.",
    provider_signed_out: "Der Identitätsanbieter hat diese Anwendung gebeten, Sie abzumelden.",
    cross_origin_title: "Abgelehnt",
    cross_origin: "Nur Seiten dieser Anwendung dürfen fragen, wer angemeldet ist.",
    your_sessions: "Ihre Sitzungen",
    sessions_introduction: "Als {user} sind Sie {count}-mal angemeldet.",
    sessions_only_this: "Sie sind als {user} angemeldet, und zwar nur hier.",
    sessions_newest: "Die neuesten {shown} werden angezeigt.",
    session_since: "Angemeldet {ago}",
    session_last_use: "zuletzt benutzt {ago}",
    just_now: "gerade eben",
    minutes_ago: "vor {count} min",
    hours_ago: "vor {count} h",
    days_ago: "vor {count} d",
    this_session: "Diese Sitzung",
    end_session: "Beenden",
    end_session_of: "Sitzung von {application} beenden, angemeldet {ago}",
    end_other_sessions: "Alle anderen Sitzungen beenden",
    recent_sign_in_needed: "Um andere Sitzungen zu beenden, melden Sie sich bitte zuerst erneut an: Ihre Anmeldung liegt länger als {age} zurück.",
    recent_sign_in_in_vain: "Der Identitätsanbieter wurde um eine neue Anmeldung gebeten, und seine Antwort weist keine aus.",
    sign_out_everywhere: "Überall abmelden",
    open_sessions: "Ihre Sitzungen öffnen",
    sessions_browsers_only: "Diese Seite ist für Browser.",
    nothing_ended_title: "Keine Sitzung wurde beendet",
    nothing_ended: "Die Sitzung ist bereits beendet, oder die Schaltfläche stammt von einer früheren Seite. Bitte öffnen Sie \
        Ihre Sitzungen erneut.",
    end_refused_title: "Abgelehnt",
    end_refused: "Nur die Seite Ihrer Sitzungen kann sie beenden.",
};
