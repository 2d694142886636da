//! Every text that a page shows, with its key and its English.

macro_rules! texts {
    ($($name:ident $key:ident $english:literal)+) => {
        /// A text that a page shows. Words in braces are placeholders.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Text { $(#[doc = $english] $name,)+ }

        /// The texts in one language.
        pub(super) struct Table { $(pub(super) $key: &'static str,)+ }

        impl Text {
            /// Every text.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The key by which operators replace the text.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => stringify!($key),)+ }
            }
        }

        impl Table {
            pub(super) const fn get(&self, text: Text) -> &'static str {
                match text { $(Text::$name => self.$key,)+ }
            }
        }

        pub(super) const ENGLISH: Table = Table { $($key: $english,)+ };
    };
}

texts! {
    Reference reference "Reference: {id}"
    TryAgain try_again "Try again"
    TryStartPage try_start_page "Try again at the start page"
    OpenApplication open_application "Open the application"
    GoOn go_on "Go on"
    SignIn sign_in "Sign in"
    SignInAgain sign_in_again "Sign in again"
    SignOut sign_out "Sign out"
    SignOutThereToo sign_out_there_too "Sign out there too"
    SignInRequiredTitle sign_in_required_title "Sign-in required"
    SignInRequired sign_in_required
        "You are not signed in, so nothing of this request was passed on. Sign in, and then try again."
    ForbiddenTitle forbidden_title "No access"
    Forbidden forbidden
        "You are signed in as {user}, and this user has no access to this address. Ask the operator for it, or \
        sign out and sign in as another user."
    StepUpTitle step_up_title "Another sign-in is needed"
    StepUpAcr step_up_acr "You are signed in as {user}, and this address asks for a sign-in of the kind {acr}."
    StepUpMaxAge step_up_max_age
        "You are signed in as {user}, and this address asks for a sign-in within the last {age}."
    StepUpAcrAndMaxAge step_up_acr_and_max_age
        "You are signed in as {user}, and this address asks for a sign-in of the kind {acr} within the last \
        {age}."
    Or or "or"
    StepUpNotAsked step_up_not_asked "Nothing of this request was passed on. Sign in again, and then repeat it."
    StepUpInVain step_up_in_vain
        "The identity provider was asked for it, and its answer does not show one. Sign in again, or tell the \
        operator the reference below."
    StepUpWithoutTime step_up_without_time
        "The identity provider was asked for it, and does not tell when you signed in (auth_time). Please tell the \
        operator the reference below."
    RefusedTitle refused_title "Request refused"
    AddressTooLong address_too_long "The address is longer than this server accepts."
    TooManyHeaders too_many_headers "The request has more headers than this server accepts."
    TooManyCookies too_many_cookies "Your browser sent too many cookies. Clear the cookies of this site and try again."
    UnknownAddressTitle unknown_address_title "Unknown address"
    UnknownHost unknown_host "No application is configured for this address."
    UnknownApplication unknown_application
        "The front proxy names an application that is not configured for this address."
    BadRequestTitle bad_request_title "Bad request"
    AmbiguousPath ambiguous_path "The path of this address can be read in more than one way."
    Malformed malformed "The request is incomplete, or can be read in more than one way."
    UnavailableTitle unavailable_title "Temporarily unavailable"
    Overdue overdue "The server could not decide in time. Please try again."
    StoreUnavailable store_unavailable
        "Sessions cannot be looked up at the moment. You are not signed out; please try again shortly."
    ProviderUnavailable provider_unavailable
        "The identity provider does not answer at the moment. Please try again shortly."
    EntropyUnavailable entropy_unavailable
        "The server cannot make sign-ins safe at the moment. Please try again shortly."
    KeysUnavailable keys_unavailable "The server cannot publish its keys at the moment. Please try again shortly."
    UntrustedPeerTitle untrusted_peer_title "Not a front proxy"
    UntrustedPeer untrusted_peer "Only the operator's front proxies may send requests here."
    ModeProxyTitle mode_proxy_title "Not for this front proxy"
    ModeProxy mode_proxy "This application is reached through Envoy only."
    OwnEndpointTitle own_endpoint_title "Not for a front proxy"
    OwnEndpoint own_endpoint "This address answers browsers only, not the subrequests of a front proxy."
    NotFoundTitle not_found_title "Not found"
    NotFound not_found "There is nothing at this address."
    MethodTitle method_title "Method not allowed"
    Method method "This address does not support that method."
    CredentialTitle credential_title "Not accepted"
    Credential credential "The credentials that were sent with this request are not valid here."
    CredentialScope credential_scope "The credentials that were sent with this request lack a scope that is needed here."
    UseHttpsTitle use_https_title "Use https"
    UseHttps use_https "This application is reached over https only."
    HttpsHiddenTitle https_hidden_title "https is not recognised"
    HttpsHidden https_hidden
        "Your browser used https, but the request arrived here as plain http: a proxy in front of this server does \
        not pass on that it was https. Only the operator can change that; please tell them the reference below."
    SignedInTitle signed_in_title "Signed in"
    SignedIn signed_in "You are signed in."
    SignInLoopTitle sign_in_loop_title "Sign-in loop"
    SignInLoop sign_in_loop
        "You signed in a moment ago, and the application asks for it again. To continue would repeat this \
        endlessly. Please tell the operator the reference below."
    TooManySignInsTitle too_many_sign_ins_title "Too many sign-ins"
    TooManySignIns too_many_sign_ins
        "More sign-ins were started from your network address than are allowed in a minute. Please try again shortly."
    SessionOverLimitTitle session_over_limit_title "Signed out"
    SessionOverLimit session_over_limit
        "You, or somebody in your name, signed in to this application with another browser. It allows each user {limit} \
        at the same time, and this was the oldest sign-in. If it was not you, tell the operator."
    SignInFailedTitle sign_in_failed_title "Sign-in failed"
    CallbackIncomplete callback_incomplete "The address you came back with is incomplete."
    SignInUnknown sign_in_unknown "This sign-in was not started here, or too long ago."
    OtherIssuer other_issuer "The response did not come from the expected identity provider."
    AnswerNotAccepted answer_not_accepted
        "The identity provider's answer could not be accepted. Please tell the operator the reference below."
    TokenEnded token_ended "The identity provider's token had already ended. Please tell the operator."
    IdentityTooLarge identity_too_large
        "The identity provider sends more data about you than a request can carry. Please tell the operator the \
        reference below."
    AnswerWithoutBody answer_without_body
        "The identity provider's answer did not arrive: a proxy in front of this server does not pass on the body \
        of the request, which only the operator can change. Please tell them the reference below."
    AnswerNoForm answer_no_form "The answer of the identity provider is not a form of at most 64 KiB."
    NoCookie no_cookie
        "The sign-in could not be completed: no cookie arrived. Either your browser does not accept cookies from \
        this site, or a proxy in front of this server does not pass them on, which only the operator can change."
    NotCompleted not_completed
        "The sign-in could not be completed. If this happens again, check that your browser accepts cookies from \
        this site."
    ProviderRefusedTitle provider_refused_title "Sign-in refused"
    ProviderRefused provider_refused "The identity provider answered “{error}”. {description}"
    ProviderRefusedBare provider_refused_bare "The identity provider answered “{error}”. It gave no description."
    SignedOutTitle signed_out_title "Signed out"
    SignedOut signed_out "You are signed out of this application."
    OneStepLeft one_step_left "You are signed out here. One step is left at the identity provider."
    SignedOutHereTitle signed_out_here_title "Signed out here"
    SignedOutHere signed_out_here
        "You are signed out in this browser. The server cannot record this at the moment: its other instances \
        follow as soon as it can. So do your sessions in other browsers. You are not signed out at the identity \
        provider."
    SignedOutOnlyHere signed_out_only_here
        "You are signed out in this browser. The server cannot record this at the moment: its other instances \
        follow as soon as it can. It could not look up your sessions in other browsers: sign out there as well. \
        You are not signed out at the identity provider."
    SignOutQuestionTitle sign_out_question_title "Sign out?"
    SignOutQuestion sign_out_question "Do you want to sign out?"
    SignOutRefusedTitle sign_out_refused_title "Sign-out refused"
    SignOutRefused sign_out_refused "Only the user can sign out, by opening this address in the browser."
    ProviderSignedOut provider_signed_out "The identity provider asked this application to sign you out."
    CrossOriginTitle cross_origin_title "Refused"
    CrossOrigin cross_origin "Only pages of this application may ask who is signed in."
    YourSessions your_sessions "Your sessions"
    SessionsIntroduction sessions_introduction "You are signed in as {user} in {count} places."
    SessionsOnlyThis sessions_only_this "You are signed in as {user}, here only."
    SessionsNewest sessions_newest "The newest {shown} are shown."
    SessionSince session_since "Signed in {ago}"
    SessionLastUse session_last_use "last used {ago}"
    JustNow just_now "just now"
    MinutesAgo minutes_ago "{count} min ago"
    HoursAgo hours_ago "{count} h ago"
    DaysAgo days_ago "{count} d ago"
    ThisSession this_session "This session"
    EndSession end_session "End"
    EndSessionOf end_session_of "End the session of {application}, signed in {ago}"
    EndOtherSessions end_other_sessions "End all other sessions"
    RecentSignInNeeded recent_sign_in_needed "To end other sessions, sign in again first: your sign-in is older than {age}."
    RecentSignInInVain recent_sign_in_in_vain
        "The identity provider was asked for a new sign-in, and its answer does not show one."
    SignOutEverywhere sign_out_everywhere "Sign out everywhere"
    OpenSessions open_sessions "Open your sessions"
    SessionsBrowsersOnly sessions_browsers_only "This page is for browsers."
    NothingEndedTitle nothing_ended_title "No session was ended"
    NothingEnded nothing_ended
        "The session has ended already, or the button is from an earlier page. Open your sessions again."
    EndRefusedTitle end_refused_title "Refused"
    EndRefused end_refused "Only the page of your sessions can end them."
}
