//! The questions to authentik's API, and what counts as an answer.

use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use super::connection::Connection;
use super::fault::{ApiFault, Detail, is_untrusted_certificate};
use super::model::{Certificate, CertificateData, CertificateKeyPair, Outpost, Page, Providers, read};
use crate::outbound::http_answer::{self, Answer, cause};

const OUTPOSTS: &str = "outposts/instances/";
const PROVIDERS: &str = "outposts/proxy/";
const CERTIFICATES: &str = "crypto/certificatekeypairs/";
/// The only type of outpost that guards applications over HTTP.
const PROXY: &str = "proxy";

/// The number of providers that authentik puts on one page.
const PAGE_SIZE: usize = 100;
/// More pages than any installation has: a list that never ends must not fill the memory.
const MAX_PAGES: usize = 200;
/// The size limit of an answer; a provider has about four kilobytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What answers an address, without its query.
struct Reply {
    url: String,
    answer: Answer,
    location: Option<String>,
}

impl Connection {
    /// The outpost whose token this is: the first one that authentik lists.
    ///
    /// # Errors
    /// See [`ApiFault`].
    pub async fn outpost(&self) -> Result<Outpost, ApiFault> {
        let reply = self.ask(OUTPOSTS, None).await?;
        let page: Page = reply.json(Resource::Outposts, &self.token)?;
        let Some(first) = page.results.into_iter().next() else {
            return Err(ApiFault::NoOutposts { url: reply.url });
        };
        let outpost: Outpost = read(first).map_err(|member| malformed(&reply.url, &format!("results[0].{member}")))?;
        if outpost.kind == PROXY {
            Ok(outpost)
        } else {
            Err(ApiFault::OutpostType { name: outpost.name, kind: outpost.kind })
        }
    }

    /// All providers of this outpost, from all pages. When one page fails, there is no answer.
    ///
    /// # Errors
    /// See [`ApiFault`].
    pub async fn providers(&self) -> Result<Providers, ApiFault> {
        let mut items = Vec::new();
        let mut number = 1;
        for _ in 0..MAX_PAGES {
            let query = format!("page={number}&page_size={PAGE_SIZE}");
            let reply = self.ask(PROVIDERS, Some(&query)).await?;
            let page: Page = reply.json(Resource::Providers, &self.token)?;
            items.extend(page.results);
            match page.pagination.next {
                0 if usize::try_from(page.pagination.count).is_ok_and(|count| count != 0 && count != items.len()) => {
                    // The list changed between two pages. An application that is missing would leave its host to others.
                    let problem =
                        format!("it has {} items, and says that it has {}", items.len(), page.pagination.count);
                    return Err(ApiFault::Malformed { url: reply.url, problem });
                }
                0 => return Ok(Providers::from_items(items)),
                next if next > number => number = next,
                next => {
                    let problem = format!("page {number} is followed by page {next}");
                    return Err(ApiFault::Malformed { url: reply.url, problem });
                }
            }
        }
        let url = without_query(&self.host.api(PROVIDERS, None));
        Err(ApiFault::Malformed { url, problem: format!("the list has more than {MAX_PAGES} pages") })
    }

    /// The certificate `uuid`. Chain and key are fetched only if the fingerprint is not that of `known`: authentik records
    /// each look at a private key.
    ///
    /// # Errors
    /// See [`ApiFault`].
    pub async fn certificate(&self, uuid: &str, known: Option<&Certificate>) -> Result<Certificate, ApiFault> {
        let known = known.filter(|known| known.uuid == uuid);
        let pair: CertificateKeyPair = self.part(uuid, "").await?;
        if !pair.private_key_available {
            return Err(ApiFault::NoPrivateKey { name: pair.name });
        }
        let CertificateKeyPair { name, fingerprint_sha256, .. } = pair;
        let same_fingerprint =
            |known: &&Certificate| fingerprint_sha256.is_some() && known.fingerprint_sha256 == fingerprint_sha256;
        if let Some(known) = known.filter(same_fingerprint) {
            return Ok(Certificate { name, ..known.clone() });
        }
        let CertificateData { data: chain } = self.part(uuid, "view_certificate/").await?;
        let chain = chain.as_secret().expose_secret().to_owned();
        // A server without fingerprints: the chain itself tells whether there is another key.
        let private_key = match known.filter(|known| fingerprint_sha256.is_none() && known.chain == chain) {
            Some(known) => known.private_key.clone(),
            None => self.part::<CertificateData>(uuid, "view_private_key/").await?.data,
        };
        Ok(Certificate { uuid: uuid.to_owned(), name, fingerprint_sha256, chain, private_key })
    }

    async fn part<T: DeserializeOwned>(&self, uuid: &str, part: &str) -> Result<T, ApiFault> {
        self.ask(&format!("{CERTIFICATES}{uuid}/{part}"), None).await?.json(Resource::Certificate, &self.token)
    }

    async fn ask(&self, resource: &str, query: Option<&str>) -> Result<Reply, ApiFault> {
        let url = self.host.api(resource, query);
        let shown = without_query(&url);
        let unreachable = |cause: String| ApiFault::Unreachable { url: shown.clone(), cause };
        let asked = async {
            let request = self.get(url).header(header::ACCEPT, "application/json").build();
            let response = match request {
                Ok(request) => self.client.execute(request).await,
                Err(fault) => Err(fault),
            };
            let response = response.map_err(|error| {
                if is_untrusted_certificate(&error) {
                    ApiFault::UntrustedCertificate { url: shown.clone(), cause: cause(error) }
                } else {
                    unreachable(cause(error))
                }
            })?;
            let location = location(response.headers());
            let answer = http_answer::read(response, MAX_BYTES).await.map_err(&unreachable)?;
            Ok(Reply { url: shown.clone(), answer, location })
        };
        timeout(self.timeout, asked).await.unwrap_or_else(|_| Err(unreachable("no answer in time".to_owned())))
    }
}

/// Where a redirect leads, without query.
fn location(headers: &HeaderMap) -> Option<String> {
    let to = headers.get(header::LOCATION)?.to_str().ok()?;
    Some(to.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect())
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

fn malformed(url: &str, member: &str) -> ApiFault {
    let problem = format!("`{member}` is missing or has an unexpected value");
    ApiFault::Malformed { url: url.to_owned(), problem }
}

/// What is asked for; it decides what a refusal means.
#[derive(Clone, Copy)]
enum Resource {
    Outposts,
    Providers,
    Certificate,
}

impl Reply {
    /// The answer's content.
    fn json<T: DeserializeOwned>(&self, asked: Resource, token: &SecretString) -> Result<T, ApiFault> {
        let Answer { status, content_type, body, .. } = &self.answer;
        let (url, status, detail) = (self.url.clone(), *status, Detail::of(body, token));
        let is_json = content_type.as_deref() == Some("application/json");
        let is_refused = is_json && matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let is_servers_own = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        Err(match asked {
            _ if status == StatusCode::OK && is_json => return self.read(body),
            Resource::Outposts if is_refused => ApiFault::TokenRefused { url, status, detail },
            Resource::Providers if is_refused => ApiFault::NotAnOutpostToken { url, status, detail },
            // authentik has been reached already, so it is a certificate that it does not give.
            Resource::Certificate if is_json => ApiFault::Server { url, status, detail },
            _ if is_servers_own => ApiFault::Server { url, status, detail },
            _ if status.is_redirection() => {
                let found = match &self.location {
                    Some(to) => format!("it redirects to {to:?} ({status})"),
                    None => format!("it redirects, and does not say where to ({status})"),
                };
                ApiFault::NotAuthentik { url, found }
            }
            Resource::Outposts | Resource::Providers | Resource::Certificate => {
                let kind = content_type.as_deref().unwrap_or("no content type");
                ApiFault::NotAuthentik { url, found: format!("it answers {status} with {kind:?}") }
            }
        })
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ApiFault> {
        let problem = match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(value) => return read(value).map_err(|member| malformed(&self.url, &member)),
            Err(fault) if fault.is_eof() => format!("it ends in the middle, after {} bytes", body.len()),
            Err(fault) => format!("it is not JSON (line {}, column {})", fault.line(), fault.column()),
        };
        Err(ApiFault::Malformed { url: self.url.clone(), problem })
    }
}
