//! A browser without a window: real HTTP to a real server on a loopback port, with cookies, form tokens and a signing
//! key, but no scripts. What the scripts do (sign, seal, release) the tests do with the same library code that the
//! command line uses.

use crate::account::actions::open_session;
use crate::account::session::COOKIE;
use crate::account::testing::{Member, TestHouse};
use crate::account::who::Who;
use crate::app;
use crate::opening::progress::Progress;
use actix_web::dev::ServerHandle;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, redirect};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// One runtime for the clients of all tests.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// A house that is being served.
pub struct Served {
    pub house: TestHouse,
    pub base: String,
    /// The openings that run on this server.
    pub progress: Progress,
    handle: ServerHandle,
}

impl Served {
    pub fn start(house: TestHouse) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (to, handle) = std::sync::mpsc::channel();
        let served = house.house.clone();
        let progress = Progress::default();
        let followed = progress.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = app::start(served, listener, followed).unwrap();
                to.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { house, base, progress, handle: handle.recv().unwrap() }
    }

    /// A browser in which nobody is signed in.
    pub fn visitor(&self) -> Browser {
        Browser::at(&self.base)
    }

    /// A browser in which `member` is signed in.
    pub fn browser(&self, member: &Member) -> Browser {
        self.browser_of(&member.who)
    }

    pub fn browser_of(&self, who: &Who) -> Browser {
        let token = runtime().block_on(open_session(self.house.door(), who.person)).unwrap();
        let mut browser = self.visitor();
        browser.cookies.insert(COOKIE.into(), token);
        browser.who = Some(who.clone());
        browser.get("/account/key");
        browser
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        runtime().block_on(self.handle.stop(false));
    }
}

/// One person's browser.
pub struct Browser {
    client: Client,
    base: String,
    cookies: BTreeMap<String, String>,
    /// The form token of the page that was read last.
    pub csrf: String,
    pub who: Option<Who>,
}

/// A page that is being listened to.
pub struct Listening {
    pub status: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Listening {
    /// Everything that was said until now.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Seen {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn location(&self) -> String {
        self.headers.get(LOCATION).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Panics with the page unless the status is `status`.
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The value of the first field or textarea with this name, unescaped.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let at = text.find(&format!("name=\"{name}\""))?;
        let tag_start = text[..at].rfind('<')?;
        let rest = &text[tag_start..];
        let raw = if rest.starts_with("<textarea") {
            let from = rest.find('>')? + 1;
            rest[from..].split("</textarea>").next()?
        } else {
            let tag = rest.split('>').next()?;
            let from = tag.find("value=\"")? + 7;
            tag[from..].split('"').next()?
        };
        Some(unescape(raw))
    }

    /// The value of the first attribute with this name, unescaped.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!(" {name}=\""))?;
        rest.split('"').next().map(unescape)
    }
}

pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

impl Browser {
    /// A browser for the server at this address, in which nobody is signed in.
    pub fn at(base: &str) -> Self {
        // a kept connection that the server closes just as the next request goes out looks like a server that is gone
        let client = Client::builder().redirect(redirect::Policy::none()).pool_max_idle_per_host(0);
        let client = client.build().unwrap();
        Self { client, base: base.to_owned(), cookies: BTreeMap::new(), csrf: String::new(), who: None }
    }

    /// [`Browser::get`] from a server that may be gone.
    pub fn try_get(&mut self, path: &str) -> Option<Seen> {
        self.try_send(Method::GET, path, &[], Bytes::new())
    }

    /// [`Browser::post`] to a server that may be gone.
    pub fn try_post(&mut self, path: &str, fields: &[(&str, &str)]) -> Option<Seen> {
        let body = self.form(fields);
        self.try_send(Method::POST, path, &[("content-type", "application/x-www-form-urlencoded")], body)
    }

    fn form(&self, fields: &[(&str, &str)]) -> Bytes {
        let mut all = vec![("csrf", self.csrf.clone())];
        all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        serde_urlencoded::to_string(&all).unwrap().into()
    }

    pub fn get(&mut self, path: &str) -> Seen {
        self.send(Method::GET, path, &[], Bytes::new())
    }

    /// Sends a form with the token of the last page.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body = self.form(fields);
        self.send(Method::POST, path, &[("content-type", "application/x-www-form-urlencoded")], body)
    }

    /// Reads `page`, signs the statement that it shows, and sends it with `fields` to `path`.
    pub fn sign(&mut self, member: &Member, page: &str, path: &str, fields: &[(&str, &str)]) -> Seen {
        let seen = self.get(page).expect_status(200);
        let statement =
            seen.field("statement").unwrap_or_else(|| panic!("no statement on {page}: {}", seen.text()));
        // a textarea drops one newline after its tag; browsers send CR LF
        let signed = member.sign(&statement);
        let sent = signed.statement.replace('\n', "\r\n");
        let mut all = vec![
            ("statement", sent.as_str()),
            ("signature", signed.signature.as_str()),
            ("certificate", signed.certificate.as_str()),
        ];
        all.extend_from_slice(fields);
        self.post(path, &all)
    }

    /// Fills the form of `page` in, reads the text that its check shows, signs that, and sends all of it.
    pub fn fill_and_sign(&mut self, member: &Member, page: &str, fields: &[(&str, &str)]) -> Seen {
        self.get(page).expect_status(200);
        let seen = self.post(&format!("{page}/check"), fields).expect_status(200);
        let statement = seen.field("statement").unwrap_or_else(|| panic!("no statement: {}", seen.text()));
        let signed = member.sign(&statement);
        let mut all = vec![
            ("statement", signed.statement.as_str()),
            ("signature", signed.signature.as_str()),
            ("certificate", signed.certificate.as_str()),
        ];
        all.extend_from_slice(fields);
        self.post(page, &all)
    }

    /// Sends a form with one file, `file`, with the token of the last page.
    pub fn post_file(&mut self, path: &str, name: &str, content: &[u8]) -> Seen {
        self.post_with_file(path, &[], name, content)
    }

    /// As [`Browser::post_file`], with other fields before the file.
    pub fn post_with_file(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        name: &str,
        content: &[u8],
    ) -> Seen {
        let csrf = ("csrf", self.csrf.as_str());
        let texts = std::iter::once(&csrf).chain(fields).map(|(name, value)| {
            format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
        let head = format!(
            "{}--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n",
            texts.collect::<String>()
        );
        let body = [head.as_bytes(), content, b"\r\n--cut--\r\n"].concat();
        let form = [("content-type", "multipart/form-data; boundary=cut")];
        self.send(Method::POST, path, &form, Bytes::from(body))
    }

    pub fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Seen {
        self.try_send(method, path, headers, body).expect("the server answers")
    }

    /// Listens to a page that may never end, while the test goes on. Comes back once the page has begun.
    pub fn listen(&self, path: &str) -> Listening {
        let request = self.with_cookies(self.client.get(format!("{}{path}", self.base)));
        let mut answer = runtime().block_on(request.send()).expect("the server answers");
        let (status, heard) = (answer.status().as_u16(), Arc::new(Mutex::new(Vec::new())));
        let ear = heard.clone();
        let task = runtime().spawn(async move {
            while let Ok(Some(bytes)) = answer.chunk().await {
                ear.lock().unwrap().extend_from_slice(&bytes);
            }
        });
        Listening { status, heard, task }
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        if self.cookies.is_empty() {
            return request;
        }
        request.header("cookie", self.cookie_header())
    }

    /// The value of the header `cookie`, for clients of other kinds that go on for this person.
    pub fn cookie_header(&self) -> String {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// `None` if the server is gone before it has answered.
    pub fn try_send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Option<Seen> {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = self.with_cookies(request);
        let (status, headers, bytes) = runtime().block_on(async {
            let answer = request.send().await.ok()?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            // a live page never ends: that it began is all there is to see of it here
            let live = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            let bytes = if live { Bytes::new() } else { answer.bytes().await.ok()? };
            Some((status, headers, bytes))
        })?;
        for cookie in headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let seen = Seen { status, headers, bytes };
        if let Some(token) = seen.field("csrf") {
            self.csrf = token;
        }
        Some(seen)
    }
}
