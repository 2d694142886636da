//! The login, consent and logout program that Hydra needs: it asks who the user is, and says so to Hydra.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{Html, Redirect};
use axum::routing::get;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{PASSWORD, USER};
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::json::Json;

/// It stops when dropped.
pub(crate) struct LoginProgram {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl LoginProgram {
    /// Starts it for the Hydra with this administrative port.
    pub(crate) async fn start(admin: u16) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let router = axum::Router::new()
            .route("/login", get(show_login).post(take_login))
            .route("/consent", get(consent))
            .route("/logout", get(logout))
            .route("/goodbye", get(async || "signed out"))
            .with_state(Arc::new(Requests { admin }));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { port, task }
    }
}

impl Drop for LoginProgram {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hydra's requests for a login, a consent or a logout, each named by its challenge.
struct Requests {
    admin: u16,
}

impl Requests {
    async fn call(&self, method: Method, path: &str, challenge: &str, body: &Value) -> Json {
        let kind = path.split('/').next().unwrap_or_default();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair(&format!("{kind}_challenge"), challenge)
            .finish();
        let address = format!("http://127.0.0.1:{}/admin/oauth2/auth/requests/{path}?{query}", self.admin);
        let ask = Ask::plain(method, &address);
        let page = Browser::new(Protocol::Http1).ask(if body.is_null() { ask } else { ask.json(body) }).await;
        assert!(page.status.is_success(), "{page:#?}");
        page.json()
    }

    async fn accept(&self, kind: &str, challenge: &str, body: &Value) -> Redirect {
        let answer = self.call(Method::PUT, &format!("{kind}/accept"), challenge, body).await;
        Redirect::to(answer.text("redirect_to").expect("an address"))
    }

    /// The context class is the one that the client asks for.
    async fn accept_login(&self, challenge: &str, request: &Json) -> Redirect {
        let acr = request.0["oidc_context"]["acr_values"][0].as_str().unwrap_or("password");
        let login = json!({ "subject": USER, "remember": true, "remember_for": 3600, "acr": acr });
        self.accept("login", challenge, &login).await
    }
}

fn field(text: Option<&str>, name: &str) -> String {
    let pairs: HashMap<_, _> = url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect();
    pairs.get(name).cloned().unwrap_or_default()
}

async fn show_login(
    State(requests): State<Arc<Requests>>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Redirect> {
    let challenge = field(query.as_deref(), "login_challenge");
    let request = requests.call(Method::GET, "login", &challenge, &Value::Null).await;
    if request.0["skip"] == true {
        return Err(requests.accept_login(&challenge, &request).await);
    }
    Ok(Html(format!(
        "<form method=\"post\"><input type=\"hidden\" name=\"challenge\" value=\"{challenge}\"><input name=\"username\">\
         <input type=\"password\" name=\"password\"><button>Sign in</button></form>"
    )))
}

async fn take_login(State(requests): State<Arc<Requests>>, form: String) -> Result<Redirect, http::StatusCode> {
    if field(Some(&form), "username") != USER || field(Some(&form), "password") != PASSWORD {
        return Err(http::StatusCode::FORBIDDEN);
    }
    let challenge = field(Some(&form), "challenge");
    let request = requests.call(Method::GET, "login", &challenge, &Value::Null).await;
    Ok(requests.accept_login(&challenge, &request).await)
}

async fn consent(State(requests): State<Arc<Requests>>, RawQuery(query): RawQuery) -> Redirect {
    let challenge = field(query.as_deref(), "consent_challenge");
    let request = requests.call(Method::GET, "consent", &challenge, &Value::Null).await;
    let claims = json!({
        "preferred_username": USER, "name": "Alice Doe", "email": "alice@example.test", "email_verified": true,
        "groups": ["admins", "staff"],
    });
    let granted = json!({
        "grant_scope": request.0["requested_scope"],
        "grant_access_token_audience": request.0["requested_access_token_audience"],
        "session": { "id_token": claims },
    });
    requests.accept("consent", &challenge, &granted).await
}

async fn logout(State(requests): State<Arc<Requests>>, RawQuery(query): RawQuery) -> Redirect {
    let challenge = field(query.as_deref(), "logout_challenge");
    requests.accept("logout", &challenge, &Value::Null).await
}
