//! The texts in French.

use super::table::Table;

pub(super) const FRENCH: Table = Table {
    reference: "Référence : {id}",
    try_again: "Réessayer",
    try_start_page: "Réessayer depuis la page d’accueil",
    open_application: "Ouvrir l’application",
    go_on: "Continuer",
    sign_in: "Se connecter",
    sign_in_again: "Se reconnecter",
    sign_out: "Se déconnecter",
    sign_out_there_too: "S’y déconnecter aussi",
    sign_in_required_title: "Connexion requise",
    sign_in_required: "Vous n’êtes pas connecté ; rien de cette requête n’a donc été transmis. Veuillez vous connecter, puis \
        réessayer.",
    forbidden_title: "Accès refusé",
    forbidden: "Vous êtes connecté en tant que {user}, et cet utilisateur n’a pas accès à cette adresse. Veuillez en \
        demander l’accès à l’exploitant, ou vous déconnecter et vous connecter sous un autre compte.",
    step_up_title: "Une nouvelle connexion est nécessaire",
    step_up_acr: "Vous êtes connecté en tant que {user}, et cette adresse demande une connexion de type {acr}.",
    step_up_max_age: "Vous êtes connecté en tant que {user}, et cette adresse demande une connexion datant de moins de {age}.",
    step_up_acr_and_max_age: "Vous êtes connecté en tant que {user}, et cette adresse demande une connexion de type {acr} datant de \
        moins de {age}.",
    or: "ou",
    step_up_not_asked: "Rien de cette requête n’a été transmis. Veuillez vous reconnecter, puis la répéter.",
    step_up_in_vain: "Elle a été demandée au fournisseur d’identité, et sa réponse n’en fait pas état. Veuillez vous \
        reconnecter, ou communiquer à l’exploitant la référence ci-dessous.",
    step_up_without_time: "Elle a été demandée au fournisseur d’identité, qui n’indique pas quand vous vous êtes connecté \
        (auth_time). Veuillez communiquer à l’exploitant la référence ci-dessous.",
    refused_title: "Requête refusée",
    address_too_long: "L’adresse est plus longue que ce que ce serveur accepte.",
    too_many_headers: "La requête contient plus d’en-têtes que ce que ce serveur accepte.",
    too_many_cookies: "Votre navigateur a envoyé trop de cookies. Veuillez effacer les cookies de ce site et réessayer.",
    unknown_address_title: "Adresse inconnue",
    unknown_host: "Aucune application n’est configurée pour cette adresse.",
    unknown_application: "Le proxy frontal désigne une application qui n’est pas configurée pour cette adresse.",
    bad_request_title: "Requête incorrecte",
    ambiguous_path: "Le chemin de cette adresse peut se lire de plusieurs façons.",
    malformed: "La requête est incomplète ou peut se lire de plusieurs façons.",
    unavailable_title: "Temporairement indisponible",
    overdue: "Le serveur n’a pas pu décider à temps. Veuillez réessayer.",
    store_unavailable: "Les sessions ne peuvent pas être consultées pour le moment. Vous n’êtes pas déconnecté ; veuillez \
        réessayer dans un instant.",
    provider_unavailable: "Le fournisseur d’identité ne répond pas pour le moment. Veuillez réessayer dans un instant.",
    entropy_unavailable: "Le serveur ne peut pas sécuriser les connexions pour le moment. Veuillez réessayer dans un instant.",
    keys_unavailable: "Le serveur ne peut pas publier ses clés pour le moment. Veuillez réessayer dans un instant.",
    untrusted_peer_title: "Pas un proxy frontal",
    untrusted_peer: "Seuls les proxys frontaux de l’exploitant peuvent envoyer des requêtes ici.",
    mode_proxy_title: "Pas pour ce proxy frontal",
    mode_proxy: "Cette application n’est accessible que par Envoy.",
    own_endpoint_title: "Pas pour un proxy frontal",
    own_endpoint: "Cette adresse ne répond qu’aux navigateurs, pas aux sous-requêtes d’un proxy frontal.",
    not_found_title: "Introuvable",
    not_found: "Il n’y a rien à cette adresse.",
    method_title: "Méthode non autorisée",
    method: "Cette adresse n’accepte pas cette méthode.",
    credential_title: "Non accepté",
    credential: "Les identifiants envoyés avec cette requête ne sont pas valables ici.",
    credential_scope: "Les identifiants envoyés avec cette requête n’ont pas une autorisation (scope) requise ici.",
    use_https_title: "Utilisez https",
    use_https: "Cette application n’est accessible qu’en https.",
    https_hidden_title: "https n’est pas reconnu",
    https_hidden: "Votre navigateur a utilisé https, mais la requête est arrivée ici en http non chiffré : un proxy placé \
        devant ce serveur ne transmet pas qu’il s’agissait de https. Seul l’exploitant peut y remédier ; veuillez \
        lui communiquer la référence ci-dessous.",
    signed_in_title: "Connecté",
    signed_in: "Vous êtes connecté.",
    sign_in_loop_title: "Boucle de connexion",
    sign_in_loop: "Vous venez de vous connecter, et l’application le demande de nouveau. Continuer répéterait cela sans fin. \
        Veuillez communiquer à l’exploitant la référence ci-dessous.",
    too_many_sign_ins_title: "Trop de connexions",
    too_many_sign_ins: "Plus de connexions ont été commencées depuis votre adresse réseau qu’il n’est permis en une minute. \
        Veuillez réessayer dans un instant.",
    session_over_limit_title: "Déconnecté",
    session_over_limit: "Vous, ou quelqu’un en votre nom, vous êtes connecté à cette application avec un autre navigateur. Elle \
        en permet {limit} à la fois par utilisateur, et cette connexion était la plus ancienne. Si ce n’était pas vous, \
        prévenez l’exploitant.",
    sign_in_failed_title: "Échec de la connexion",
    callback_incomplete: "L’adresse avec laquelle vous êtes revenu est incomplète.",
    sign_in_unknown: "Cette connexion n’a pas été commencée ici, ou l’a été il y a trop longtemps.",
    other_issuer: "La réponse ne provient pas du fournisseur d’identité attendu.",
    answer_not_accepted: "La réponse du fournisseur d’identité n’a pas pu être acceptée. Veuillez communiquer à l’exploitant la \
        référence ci-dessous.",
    token_ended: "Le jeton du fournisseur d’identité avait déjà expiré. Veuillez en informer l’exploitant.",
    identity_too_large: "Le fournisseur d’identité envoie plus de données à votre sujet qu’une requête ne peut en contenir. \
        Veuillez communiquer à l’exploitant la référence ci-dessous.",
    answer_without_body: "La réponse du fournisseur d’identité n’est pas arrivée : un proxy placé devant ce serveur ne transmet pas \
        le corps de la requête, ce que seul l’exploitant peut changer. Veuillez lui communiquer la référence \
        ci-dessous.",
    answer_no_form: "La réponse du fournisseur d’identité n’est pas un formulaire de 64 Kio au plus.",
    no_cookie: "La connexion n’a pas pu aboutir : aucun cookie n’est arrivé. Soit votre navigateur n’accepte pas les \
        cookies de ce site, soit un proxy placé devant ce serveur ne les transmet pas, ce que seul l’exploitant \
        peut changer.",
    not_completed: "La connexion n’a pas pu aboutir. Si cela se reproduit, veuillez vérifier que votre navigateur accepte les \
        cookies de ce site.",
    provider_refused_title: "Connexion refusée",
    provider_refused: "Le fournisseur d’identité a répondu « {error} ». {description}",
    provider_refused_bare: "Le fournisseur d’identité a répondu « {error} », sans autre description.",
    signed_out_title: "Déconnecté",
    signed_out: "Vous êtes déconnecté de cette application.",
    one_step_left: "Vous êtes déconnecté ici. Il reste une étape chez le fournisseur d’identité.",
    signed_out_here_title: "Déconnecté ici",
    signed_out_here: "Vous êtes déconnecté dans ce navigateur. Le serveur ne peut pas l’enregistrer pour le moment : ses autres \
        instances suivront dès que possible, de même que vos sessions dans d’autres navigateurs. Vous n’êtes pas \
        déconnecté chez le fournisseur d’identité.",
    signed_out_only_here: "Vous êtes déconnecté dans ce navigateur. Le serveur ne peut pas l’enregistrer pour le moment : ses autres \
        instances suivront dès que possible. Il n’a pas pu rechercher vos sessions dans d’autres navigateurs : \
        veuillez vous y déconnecter aussi. Vous n’êtes pas déconnecté chez le fournisseur d’identité.",
    sign_out_question_title: "Se déconnecter ?",
    sign_out_question: "Voulez-vous vous déconnecter ?",
    sign_out_refused_title: "Déconnexion refusée",
    sign_out_refused: "Seul l’utilisateur peut se déconnecter, en ouvrant cette adresse dans le navigateur.",
    provider_signed_out: "Le fournisseur d’identité a demandé à cette application de vous déconnecter.",
    cross_origin_title: "Refusé",
    cross_origin: "Seules les pages de cette application peuvent demander qui est connecté.",
    your_sessions: "Vos sessions",
    sessions_introduction: "Vous êtes connecté {count} fois en tant que {user}.",
    sessions_only_this: "Vous êtes connecté en tant que {user}, ici seulement.",
    sessions_newest: "Les {shown} plus récentes sont affichées.",
    session_since: "Connexion {ago}",
    session_last_use: "dernière utilisation {ago}",
    just_now: "à l’instant",
    minutes_ago: "il y a {count} min",
    hours_ago: "il y a {count} h",
    days_ago: "il y a {count} j",
    this_session: "Cette session",
    end_session: "Mettre fin",
    end_session_of: "Mettre fin à la session de {application}, connexion {ago}",
    end_other_sessions: "Mettre fin à toutes les autres sessions",
    recent_sign_in_needed: "Pour mettre fin à d’autres sessions, veuillez d’abord vous reconnecter : votre connexion date de plus de {age}.",
    recent_sign_in_in_vain: "Une nouvelle connexion a été demandée au fournisseur d’identité, et sa réponse n’en fait pas état.",
    sign_out_everywhere: "Se déconnecter partout",
    open_sessions: "Ouvrir vos sessions",
    sessions_browsers_only: "Cette page est destinée aux navigateurs.",
    nothing_ended_title: "Aucune session n’a pris fin",
    nothing_ended: "La session a déjà pris fin, ou le bouton provient d’une page antérieure. Veuillez rouvrir vos sessions.",
    end_refused_title: "Refusé",
    end_refused: "Seule la page de vos sessions peut y mettre fin.",
};
