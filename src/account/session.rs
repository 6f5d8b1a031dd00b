//! Sessions and languages: the middleware that finds out who is asking, and the tokens that it lives on.

use super::rules::{ROTATE_MICROS, session_is_alive};
use super::store::{self, Session};
use super::who::{SignedIn, Who};
use super::{actions, page::Seen};
use crate::ledger::Door;
use crate::platform::digest::{b64u, sha256};
use crate::platform::random;
use crate::platform::refusal::Failure;
use crate::platform::web::{Failed, Lang};
use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

/// Name of the session cookie.
pub const COOKIE: &str = "sunbid_session";
/// Name of the cookie that ties a visitor's forms to their browser before they sign in.
pub const VISITOR_COOKIE: &str = "sunbid_visitor";
/// Name of the language cookie.
pub const LANG_COOKIE: &str = "lang";

/// A new session token: 32 random bytes in base64url.
pub fn new_token() -> String {
    b64u(&random::bytes::<32>())
}

/// What the database keeps of a token.
pub fn token_hash(token: &str) -> String {
    hex::encode(sha256(&[b"sunbid/session/v1\n", token.as_bytes()]))
}

/// The cookie for a token; an empty token takes the cookie away.
pub fn cookie(door: &Door, name: &'static str, token: String) -> Cookie<'static> {
    let gone = token.is_empty();
    let mut cookie = Cookie::build(name, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(door.config().secure_cookies)
        .finish();
    if gone {
        cookie.make_removal();
    }
    cookie
}

/// Finds out who asks and in which language, before the handler; gives fresh tokens out, after it.
///
/// # Errors
/// Those of the handler, and faults of the database.
pub async fn recognise<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(door) = request.app_data::<web::Data<Door>>().cloned() else { return next.call(request).await };
    let path = request.path();
    // what programs read of the log is the same for everybody; an entry's page is for people
    let of_the_log = path.starts_with("/log/") && !path.starts_with("/log/entry/");
    if path.starts_with("/assets/") || of_the_log {
        return next.call(request).await;
    }
    let value = |name: &str| request.cookie(name).map(|cookie| cookie.value().to_owned());
    let token = value(COOKIE).filter(|token| token.len() == 43);
    let found = match &token {
        Some(token) => find(&door, token.clone()).await.map_err(Failed::from)?,
        None => None,
    };
    let known_visitor = value(VISITOR_COOKIE).filter(|token| token.len() == 43);
    let visitor = known_visitor.clone().unwrap_or_else(new_token);
    let lang = value(LANG_COOKIE).and_then(|code| Lang::from_code(&code)).unwrap_or_default();
    let csrf = match &found {
        Some((who, session)) => csrf_of(&door, &who.person.to_string(), session.expires_at.micros()),
        None => csrf_of(&door, &visitor, 0),
    };
    {
        let mut extensions = request.extensions_mut();
        extensions.insert(SignedIn(found.as_ref().map(|(who, _)| who.clone())));
        extensions.insert(Seen { lang, csrf });
    }
    let rotate = match (&token, &found) {
        (Some(token), Some((_, session))) if is_a_page(&request) => {
            let old = door.clock().machine_now().micros() - session.rotated_at.micros() >= ROTATE_MICROS;
            old.then(|| token.clone())
        }
        _ => None,
    };
    let mut response = next.call(request).await?;
    if known_visitor.is_none() && found.is_none() {
        response.response_mut().add_cookie(&cookie(&door, VISITOR_COOKIE, visitor))?;
    }
    if let Some(token) = rotate {
        let fresh = actions::rotate(&door, token).await.map_err(Failed::from)?;
        if let Some(fresh) = fresh {
            response.response_mut().add_cookie(&cookie(&door, COOKIE, fresh))?;
        }
    }
    Ok(response)
}

/// The token that every form of this session carries. A page that was open while the session's token changed still
/// works: the form token is bound to the person and to the session's end, which stay.
fn csrf_of(door: &Door, whose: &str, until: i64) -> String {
    door.vault().tag("csrf", &[whose.as_bytes(), &until.to_be_bytes()])
}

/// Whether a request is somebody going to a page, and not a script of a page asking on the side: two answers that
/// replace the token at the same moment would throw one of the askers out.
fn is_a_page(request: &ServiceRequest) -> bool {
    let mode = request.headers().get("sec-fetch-mode").and_then(|mode| mode.to_str().ok());
    request.method() == actix_web::http::Method::GET && mode.is_none_or(|mode| mode == "navigate")
}

async fn find(door: &Door, token: String) -> Result<Option<(Who, Session)>, Failure> {
    let now = door.clock().machine_now();
    door.look(move |db| {
        let Some(session) = store::session(db, &token_hash(&token))? else { return Ok(None) };
        if !session_is_alive(session.expires_at, now) {
            return Ok(None);
        }
        Ok(store::who(db, session.person)?.map(|who| (who, session)))
    })
    .await
}
