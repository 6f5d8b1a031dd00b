//! Sign-in, registration, the desk, the signing key, the language switch.

use super::actions::{self, Registration};
use super::authority::Authority;
use super::form::Posted;
use super::limits::SignInLimits;
use super::page::Page;
use super::role::Role;
use super::session::{COOKIE, LANG_COOKIE, cookie};
use super::store::{self, Certificate};
use super::who::Anybody;
use crate::ledger::Door;
use crate::platform::digest::{b64u, from_b64u};
use crate::platform::moment::MINUTE;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, Failed, Lang};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/account/sign-in" everybody => sign_in_get;
    POST "/account/sign-in" everybody => sign_in_post;
    POST "/account/sign-out" everybody => sign_out_post;
    GET "/account/register" everybody => register_get;
    POST "/account/register" everybody => register_post;
    GET "/account/key" signed_in => key_get;
    POST "/account/key" signed_in => key_post;
    POST "/account/key/certificate" signed_in => certificate_post;
    GET "/account/lang/{code}" everybody => lang_get;
}

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInPage {
    p: Page,
    login: String,
    next: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn sign_in_get(p: Page, query: web::Query<Next>) -> Answer {
    let page = p.clone();
    p.html(&SignInPage { p: page, login: String::new(), next: query.into_inner().next })
}

#[derive(Deserialize)]
struct SignInForm {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in_post(
    p: Page,
    door: web::Data<Door>,
    limits: web::Data<SignInLimits>,
    request: HttpRequest,
    form: Posted<SignInForm>,
) -> Answer {
    let form = form.0;
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let signed_in = if limits.admits(request.peer_addr().map(|address| address.ip()), &form.login) {
        actions::sign_in(&door, form.login.clone(), form.password).await
    } else {
        status = StatusCode::TOO_MANY_REQUESTS;
        Err(Refused::new(429, "account.refusal.too_many_tries").into())
    };
    match p.or_problem(signed_in)? {
        Ok(token) => {
            let mut answer = Page::see(safe_next(&form.next));
            answer.add_cookie(&cookie(&door, COOKIE, token)).map_err(Fault::from)?;
            Ok(answer)
        }
        Err(p) => {
            let page = SignInPage { p: p.clone(), login: form.login, next: form.next };
            p.html_with(status, &page)
        }
    }
}

/// Only paths of our own: a redirect must not lead away.
fn safe_next(next: &str) -> String {
    if next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']) {
        next.to_owned()
    } else {
        "/desk".to_owned()
    }
}

async fn sign_out_post(
    door: web::Data<Door>,
    request: HttpRequest,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    if let Some(token) = request.cookie(COOKIE) {
        actions::sign_out(&door, token.value().to_owned()).await?;
    }
    let mut answer = Page::see("/");
    answer.add_cookie(&cookie(&door, COOKIE, String::new())).map_err(Fault::from)?;
    Ok(answer)
}

async fn lang_get(door: web::Data<Door>, code: web::Path<String>, query: web::Query<Next>) -> Answer {
    let lang = Lang::from_code(&code).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let next = if query.next.is_empty() { "/".to_owned() } else { safe_next(&query.next) };
    let mut answer = Page::see(next);
    answer.add_cookie(&cookie(&door, LANG_COOKIE, lang.code().to_owned())).map_err(Fault::from)?;
    Ok(answer)
}

#[derive(Template)]
#[template(path = "account/register.html")]
struct RegisterPage {
    p: Page,
    form: RegisterForm,
}

#[derive(Deserialize, Default, Clone)]
struct RegisterForm {
    credit_code: String,
    organisation: String,
    person: String,
    login: String,
    password: String,
}

async fn register_get(p: Page) -> Answer {
    let page = p.clone();
    p.html(&RegisterPage { p: page, form: RegisterForm::default() })
}

/// Bidders register themselves; everybody else is registered by the centre's staff.
async fn register_post(p: Page, door: web::Data<Door>, form: Posted<RegisterForm>) -> Answer {
    let form = form.0;
    let password = form.password.clone();
    let hash =
        web::block(move || actions::hash_password(&password)).await.map_err(|e| Fault::new(e.to_string()))?;
    let registered = match hash {
        Ok(password_hash) => register_bidder(&door, &form, password_hash).await,
        Err(failure) => Err(failure),
    };
    match p.or_problem(registered)? {
        Ok(token) => {
            let mut answer = Page::see("/account/key");
            answer.add_cookie(&cookie(&door, COOKIE, token)).map_err(Fault::from)?;
            Ok(answer)
        }
        Err(p) => {
            let page = RegisterPage { p: p.clone(), form: RegisterForm { password: String::new(), ..form } };
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn register_bidder(door: &Door, form: &RegisterForm, password_hash: String) -> Result<String, Failure> {
    let new = Registration {
        credit_code: form.credit_code.clone(),
        organisation: form.organisation.clone(),
        person: form.person.clone(),
        login: form.login.clone(),
        password_hash,
        role: Role::Bidder,
    };
    let actor = crate::ledger::Actor::system("registration");
    let who = door.act(actor, move |act| actions::register(act, &new)).await?.value;
    actions::open_session(door, who.person).await
}

#[derive(Template)]
#[template(path = "account/key.html")]
struct KeyPage {
    p: Page,
    person: String,
    certificates: Vec<KeyRow>,
    issues: bool,
}

impl KeyPage {
    /// What is said when a key is there (`done`) or not, for our own authority or an outside one.
    const fn words(&self, done: bool) -> &'static str {
        match (self.issues, done) {
            (true, true) => "account.key.done",
            (false, true) => "account.key.outside.done",
            (true, false) => "account.key.absent",
            (false, false) => "account.key.outside.absent",
        }
    }
}

struct KeyRow {
    fingerprint: String,
    from: String,
    until: String,
    valid: bool,
}

async fn key_get(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
) -> Answer {
    let person = who.person;
    let rows = door.look(move |db| Ok(store::certificates(db, person)?)).await?;
    let now = p.now;
    let row = |found: Certificate| KeyRow {
        fingerprint: hex::encode(crate::platform::digest::sha256(&[&found.der])).chars().take(16).collect(),
        from: found.not_before.beijing_minute(),
        until: found.not_after.beijing_minute(),
        valid: found.revoked_at.is_none() && found.not_before <= now && now.plus(MINUTE) < found.not_after,
    };
    let certificates = rows.into_iter().map(row).collect();
    let page =
        KeyPage { p: p.clone(), person: who.person.to_string(), certificates, issues: authority.issues() };
    p.html(&page)
}

/// Sent by the browser module as an ordinary form: the public key (uncompressed point) and the proof of possession.
#[derive(Deserialize)]
struct KeyForm {
    public_key: String,
    proof: String,
}

/// Answers with the certificate, DER, which the browser keeps beside its key.
async fn key_post(
    Anybody(who): Anybody,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    form: Posted<KeyForm>,
) -> Answer {
    let malformed = || Failed::from(Refused::new(422, "account.refusal.key"));
    let point = from_b64u(&form.0.public_key).ok_or_else(malformed)?;
    let proof = from_b64u(&form.0.proof).ok_or_else(malformed)?;
    let authority = authority.as_ref().clone();
    let done =
        door.act(who.actor(), move |act| actions::enrol(act, &authority, &who, &point, &proof)).await?;
    Ok(HttpResponse::Created()
        .insert_header(("X-Certificate", b64u(&done.value)))
        .content_type("application/pkix-cert")
        .body(done.value))
}

/// Sent by the browser module: the certificate of an outside authority (DER, base64url), and a signature of its key over
/// this session's form token, made in the browser that opened the key file.
#[derive(Deserialize)]
struct CertificateForm {
    certificate: String,
    proof: String,
}

async fn certificate_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    form: Posted<CertificateForm>,
) -> Answer {
    let malformed = || Failed::from(Refused::new(422, "account.refusal.key"));
    let der = from_b64u(&form.0.certificate).ok_or_else(malformed)?;
    let proof = from_b64u(&form.0.proof).ok_or_else(malformed)?;
    let (authority, challenge) = (authority.as_ref().clone(), p.csrf.clone());
    door.act(who.actor(), move |act| {
        actions::present_certificate(act, &authority, &who, &der, &challenge, &proof)
    })
    .await?;
    Ok(HttpResponse::Created().finish())
}
