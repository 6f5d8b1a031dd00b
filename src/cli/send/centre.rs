//! The platform, as a program sees it that signs in like a browser: sign-in, tus, submission, receipt.

use super::progress::Progress;
use crate::sealing::context::Context as BidContext;
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Body, Client, Method, RequestBuilder, StatusCode};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

/// Bytes of one request: a break costs little, and a fast line is kept busy.
const REQUEST: u64 = 64 << 20;
/// Bytes that are read of the file at once.
const CHUNK: usize = 256 << 10;

/// The signed documents of a bid, as they are handed in.
pub(super) struct Bid {
    pub manifest: String,
    pub signature: String,
}

/// What proves the bid.
pub(super) struct Receipt {
    /// Path of its page.
    pub page: String,
    pub proof: Bytes,
}

/// Why it did not go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Trying again may help: the network, a server that restarts, a full disk.
    Passing(String),
    /// It will not: the platform says why.
    Final(String),
}

impl From<reqwest::Error> for Trouble {
    fn from(why: reqwest::Error) -> Self {
        let mut said = why.to_string();
        let mut cause = std::error::Error::source(&why);
        while let Some(next) = cause {
            said = next.to_string();
            cause = next.source();
        }
        if why.is_builder() { Self::Final(said) } else { Self::Passing(said) }
    }
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A session with the platform, for one bid.
pub(super) struct Centre {
    http: Client,
    server: String,
    login: String,
    password: String,
    /// Path of the lot's page, and of the envelope's.
    lot: String,
    envelope: String,
    session: Mutex<Session>,
}

#[derive(Default)]
struct Session {
    cookies: BTreeMap<String, String>,
    token: String,
}

impl Centre {
    pub fn new(server: &str, login: &str, password: String, bid: &BidContext) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(20))
            .read_timeout(Duration::from_secs(120))
            .build()?;
        let lot = format!("/sealed-bid/{}/{}", bid.tender, bid.lot);
        let envelope = format!("{lot}/{}", bid.envelope.code());
        let (server, login) = (server.to_owned(), login.to_owned());
        Ok(Self { http, server, login, password, lot, envelope, session: Mutex::default() })
    }

    /// Signs in, unless that was done, and reads the envelope's page.
    pub async fn enter(&self) -> Result<(), Trouble> {
        let page = self.page(&self.envelope).await?;
        if page.status != StatusCode::SEE_OTHER {
            return expect(page, StatusCode::OK).map(drop);
        }
        expect(self.page("/account/sign-in").await?, StatusCode::OK)?;
        let fields =
            [("login", self.login.as_str()), ("password", self.password.as_str()), ("next", "/account/key")];
        let answer = self.form("/account/sign-in", &fields).await?;
        expect(answer, StatusCode::SEE_OTHER)?;
        expect(self.page(&self.envelope).await?, StatusCode::OK).map(drop)
    }

    /// Begins an upload; its path.
    pub async fn create(&self, size: u64) -> Result<String, Trouble> {
        let request = self.tus(Method::POST, "/sealed-bid/upload").header("Upload-Length", size);
        let answer = expect(self.send(request).await?, StatusCode::CREATED)?;
        let place = text(&answer.headers, LOCATION.as_str());
        place.ok_or_else(|| Trouble::Final("the server does not say where the upload is".into()))
    }

    /// How much of an upload the server has; `None` if it does not know it any more.
    pub async fn offset(&self, upload: &str) -> Result<Option<u64>, Trouble> {
        let answer = self.send(self.tus(Method::HEAD, upload)).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        offset_of(&expect(answer, StatusCode::OK)?).map(Some)
    }

    /// Brings the next bytes of the file; how much the server has then.
    pub async fn bring(
        &self,
        upload: &str,
        file: &Path,
        from: u64,
        size: u64,
        progress: &mut Progress,
    ) -> Result<u64, Trouble> {
        let length = REQUEST.min(size.saturating_sub(from));
        let passed = Arc::new(AtomicU64::new(0));
        let body = read(file, from, length, passed.clone()).await;
        let body = body.map_err(|why| Trouble::Final(format!("{}: {why}", file.display())))?;
        let request = self
            .tus(Method::PATCH, upload)
            .header("Upload-Offset", from)
            .header("Content-Type", "application/offset+octet-stream")
            .header("Content-Length", length)
            .body(body);
        let mut sending = Box::pin(self.send(request));
        let answer = loop {
            tokio::select! {
                answer = &mut sending => break answer?,
                () = tokio::time::sleep(Duration::from_millis(200)) => {
                    progress.show(from + passed.load(Ordering::Relaxed));
                }
            }
        };
        offset_of(&expect(answer, StatusCode::NO_CONTENT)?)
    }

    /// Hands the bid in.
    pub async fn submit(&self, bid: &Bid, upload: &str) -> Result<(), Trouble> {
        let fields =
            [("manifest", bid.manifest.as_str()), ("signature", bid.signature.as_str()), ("upload", upload)];
        let answer = self.form(&format!("{}/submit", self.envelope), &fields).await?;
        expect(answer, StatusCode::SEE_OTHER).map(drop)
    }

    /// The receipt for exactly this bid, if it is handed in.
    pub async fn receipt_of(&self, bid: &Bid) -> Result<Option<Receipt>, Trouble> {
        let page = expect(self.page(&self.lot).await?, StatusCode::OK)?.body;
        let page = String::from_utf8_lossy(&page);
        let links = page.split("href=\"").filter_map(|rest| rest.split('"').next());
        let mut receipts: Vec<&str> = links.filter(|link| link.starts_with("/sealed-bid/receipt/")).collect();
        receipts.sort_unstable();
        receipts.dedup();
        for page in receipts {
            let manifest = self.page(&format!("{page}/manifest")).await?;
            if manifest.status == StatusCode::OK && manifest.body == bid.manifest {
                let proof = expect(self.page(&format!("{page}/proof")).await?, StatusCode::OK)?;
                return Ok(Some(Receipt { page: page.to_owned(), proof: proof.body }));
            }
        }
        Ok(None)
    }

    async fn page(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(self.http.get(format!("{}{path}", self.server))).await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, Trouble> {
        let token = self.session().token.clone();
        let mut all = vec![("csrf", token.as_str())];
        all.extend_from_slice(fields);
        let body = serde_urlencoded::to_string(&all).map_err(|why| Trouble::Final(why.to_string()))?;
        let request = self.http.post(format!("{}{path}", self.server)).body(body);
        self.send(request.header("Content-Type", "application/x-www-form-urlencoded")).await
    }

    fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        let token = self.session().token.clone();
        let request = self.http.request(method, format!("{}{path}", self.server));
        request.header("Tus-Resumable", "1.0.0").header("X-CSRF-Token", token)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        let cookies: Vec<String> =
            self.session().cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("Cookie", cookies.join("; ")).send().await?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.session().cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers, body) = (answer.status(), answer.headers().clone(), answer.bytes().await?);
        // the form token stands on every page
        if let Some(token) = token_of(&String::from_utf8_lossy(&body)) {
            self.session().token = token;
        }
        Ok(Answer { status, headers, body })
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes `from..from + length` of a file, piece by piece, counting what was handed on.
async fn read(path: &Path, from: u64, length: u64, passed: Arc<AtomicU64>) -> std::io::Result<Body> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(from)).await?;
    let pieces = stream::try_unfold((file.take(length), passed), |(mut file, passed)| async move {
        let mut piece = Vec::with_capacity(CHUNK);
        while piece.len() < CHUNK && file.read_buf(&mut piece).await? > 0 {}
        passed.fetch_add(piece.len() as u64, Ordering::Relaxed);
        let next = (!piece.is_empty()).then(|| (Bytes::from(piece), (file, passed)));
        Ok::<_, std::io::Error>(next)
    });
    Ok(Body::wrap_stream(pieces))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn offset_of(answer: &Answer) -> Result<u64, Trouble> {
    let offset = text(&answer.headers, "Upload-Offset").and_then(|text| text.parse().ok());
    offset.ok_or_else(|| Trouble::Passing("the server does not say how much it has".into()))
}

/// The value of the form token on a page.
fn token_of(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"")?;
    rest.split('"').next().map(str::to_owned)
}

/// The answer if it has this status; else why not, and whether that may pass.
fn expect(answer: Answer, status: StatusCode) -> Result<Answer, Trouble> {
    let got = answer.status;
    if got == status {
        return Ok(answer);
    }
    let plain = text(&answer.headers, "Content-Type").is_some_and(|kind| kind.starts_with("text/plain"));
    let body = String::from_utf8_lossy(&answer.body);
    let said = if plain { body.trim().to_owned() } else { sentence(&body) };
    let said = if said.is_empty() { format!("the server answers {got}") } else { said };
    let passes = got.is_server_error()
        || matches!(got.as_u16(), 408 | 423 | 425 | 460)
        // the upload moved on: ask how far it is
        || (got == StatusCode::CONFLICT && status == StatusCode::NO_CONTENT);
    Err(if passes { Trouble::Passing(said) } else { Trouble::Final(said) })
}

/// What a page of the platform says is wrong, without its markup.
fn sentence(page: &str) -> String {
    let marks = [
        "<section class=\"problems\"",
        "<p class=\"refusal-sentence\" lang=\"zh-CN\">",
        "<p class=\"warning\">",
    ];
    let Some(from) = marks.iter().find_map(|mark| page.find(mark).and_then(|at| page.get(at..))) else {
        return String::new();
    };
    let end = from.find("</section>").or_else(|| from.find("</p>")).unwrap_or(from.len());
    let mut said = String::new();
    for part in from.get(..end).unwrap_or_default().split('<') {
        let shown = part.split_once('>').map_or("", |(_, shown)| shown).trim();
        if !shown.is_empty() {
            said.push_str(if said.is_empty() { "" } else { " " });
            said.push_str(shown);
        }
    }
    said.replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&")
}
