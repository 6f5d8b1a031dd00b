//! What people do with their accounts.

use super::authority::Authority;
use super::role::Role;
use super::rules::{self, Person};
use super::session::{new_token, token_hash};
use super::signature::check_bytes;
use super::store::{self, Certificate, NewPerson, Session};
use super::who::Who;
use crate::ledger::{Act, Actor, Door, Event, Subject};
use crate::party;
use crate::party::rules::CreditCode;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use serde::Serialize;

#[derive(Serialize)]
struct Registered {
    organisation: String,
    credit_code: String,
    role: &'static str,
}

impl Event for Registered {
    const KIND: &'static str = "account.registered";
    const NUMBER: u8 = 10;
}

#[derive(Serialize)]
struct CertificateRegistered {
    /// SHA-256 of the certificate, hex.
    fingerprint: String,
}

impl Event for CertificateRegistered {
    const KIND: &'static str = "account.certificate_registered";
    const NUMBER: u8 = 11;
}

/// A registration, as typed.
pub struct Registration {
    pub credit_code: String,
    pub organisation: String,
    pub person: String,
    pub login: String,
    /// The argon2id hash, made off the writer's thread by [`hash_password`].
    pub password_hash: String,
    pub role: Role,
}

/// Hashes a new password with argon2id, default parameters (19 MiB, 2 passes). Slow by design: never inside an act.
///
/// # Errors
/// The password is too short or too long.
pub fn hash_password(password: &str) -> Result<String, Failure> {
    rules::check_password(password)?;
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|e| Fault::new(format!("argon2: {e}")))?.to_string())
}

/// Registers a person, and their organisation if the credit code is new. People of one organisation must give the
/// same name for it.
///
/// # Errors
/// Refused for a bad code, name or sign-in name, one that is taken, or a code registered under another name.
pub fn register(act: &mut Act<'_>, new: &Registration) -> Result<Who, Failure> {
    let code = CreditCode::parse(&new.credit_code).map_err(Refused::from)?;
    let organisation_name = party::rules::check_name(&new.organisation)?;
    let login = rules::check_login(&new.login)?;
    let name = rules::check_person(&new.person)?;
    if store::credentials(act.db(), &login)?.is_some() {
        return Err(Refused::new(409, "account.refusal.login_taken").field("login").into());
    }
    let now = act.now();
    let organisation = match party::store::by_code(act.db(), &code)? {
        Some(known) if known.name != organisation_name => {
            return Err(Refused::new(409, "account.refusal.other_name").field("organisation").into());
        }
        Some(known) => known.id()?,
        None => {
            let id = Id::random();
            party::store::insert(act.db(), id, &code, &organisation_name, now)?;
            id
        }
    };
    let person = Id::random();
    let row = NewPerson {
        id: person,
        organisation,
        login: &login,
        name: &name,
        role: new.role,
        password: &new.password_hash,
    };
    store::insert_person(act.db(), &row, now)?;
    let event = Registered {
        organisation: organisation_name.clone(),
        credit_code: code.to_string(),
        role: new.role.code(),
    };
    act.enter(&Subject::None, &event)?;
    Ok(Who {
        person,
        login,
        name,
        role: new.role,
        organisation,
        organisation_name,
        credit_code: code.to_string(),
    })
}

/// Checks name and password and opens a session; returns its token. Takes as long for an unknown name as for a wrong
/// password.
///
/// # Errors
/// Refused with one sentence for every wrong pair.
pub async fn sign_in(door: &Door, login: String, password: String) -> Result<String, Failure> {
    let wrong = || Failure::from(Refused::new(422, "account.refusal.sign_in").field("login"));
    let login = login.trim().to_ascii_lowercase();
    let found = door.look(move |db| Ok(store::credentials(db, &login)?)).await?;
    let known = found.as_ref().map(|credentials| credentials.password.clone());
    let hash = known.unwrap_or_else(|| NOBODY.to_owned());
    let matches = tokio::task::spawn_blocking(move || {
        Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok()
    })
    .await
    .map_err(Fault::from)?;
    let credentials = found.filter(|credentials| matches && !credentials.disabled).ok_or_else(wrong)?;
    open_session(door, credentials.person).await
}

/// An argon2id hash with the default cost, of nobody's password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3VuYmlkL25vYm9keS8xMg$qLml5cZ2N0Yf0u8Ff0Ff0Ff0Ff0Ff0Ff0Ff0Ff0Ff0E";

/// Opens a session for a person who has proven who they are; returns its token.
///
/// # Errors
/// Faults of the database.
pub async fn open_session(door: &Door, person: Id<Person>) -> Result<String, Failure> {
    let token = new_token();
    let hash = token_hash(&token);
    let machine = door.clock().machine_now();
    door.act(Actor::system("sign-in"), move |act| {
        let expires_at = machine.plus(rules::SESSION_MICROS);
        let session = Session { person, rotated_at: machine, expires_at };
        store::delete_expired_sessions(act.db(), machine)?;
        Ok(store::insert_session(act.db(), &hash, &session, machine)?)
    })
    .await?;
    Ok(token)
}

/// Replaces a session's token by a fresh one; `None` if somebody else just did.
///
/// # Errors
/// Faults of the database.
pub async fn rotate(door: &Door, old: String) -> Result<Option<String>, Failure> {
    let token = new_token();
    let (old, fresh) = (token_hash(&old), token_hash(&token));
    let machine = door.clock().machine_now();
    let done = door
        .act(Actor::system("sign-in"), move |act| {
            let Some(session) = store::session(act.db(), &old)? else { return Ok(false) };
            store::delete_session(act.db(), &old)?;
            let session = Session { rotated_at: machine, ..session };
            store::insert_session(act.db(), &fresh, &session, machine)?;
            Ok(true)
        })
        .await?;
    Ok(done.value.then_some(token))
}

/// Ends a session.
///
/// # Errors
/// Faults of the database.
pub async fn sign_out(door: &Door, token: String) -> Result<(), Failure> {
    let hash = token_hash(&token);
    door.act(Actor::system("sign-in"), move |act| Ok(store::delete_session(act.db(), &hash)?)).await?;
    Ok(())
}

/// Certifies a key that the person's browser made. `proof` is a signature with that key over
/// `etrade/enrol/v1` LF and the person's id: possession of the private key.
///
/// # Errors
/// Refused if the proof does not verify or outside CAs are pinned.
pub fn enrol(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    point: &[u8],
    proof: &[u8],
) -> Result<Vec<u8>, Failure> {
    let malformed = || Refused::new(422, "account.refusal.key");
    let point: [u8; 65] = point.try_into().map_err(|_| malformed())?;
    let message = [b"etrade/enrol/v1\n", who.person.to_string().as_bytes()].concat();
    check_bytes(&point, &message, proof)?;
    let der = authority.issue(who, point, act.now())?;
    register_certificate(act, authority, who, &der)?;
    Ok(der)
}

/// What stands before the person and the challenge in the proof that goes with an outside certificate.
const CERTIFICATE_LABEL: &[u8] = b"etrade/certificate/v1\n";

/// Takes over a certificate that an outside authority gave this person. `proof` is a signature with its key over
/// `etrade/certificate/v1` LF, the person's id, LF and `challenge`, which the server chose. One who presents it again,
/// from another browser, is told that all is well.
///
/// # Errors
/// Refused as [`register_certificate`]; and if the proof does not fit.
pub fn present_certificate(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    der: &[u8],
    challenge: &str,
    proof: &[u8],
) -> Result<(), Failure> {
    let subject = authority.check(der, act.now())?;
    let words = format!("{}\n{challenge}", who.person);
    check_bytes(&subject.key, &[CERTIFICATE_LABEL, words.as_bytes()].concat(), proof)?;
    let known = store::certificate(act.db(), &hex::encode(sha256(&[der])))?;
    if known.is_some_and(|known| known.person == who.person && known.revoked_at.is_none()) {
        return Ok(());
    }
    register_certificate(act, authority, who, der)
}

/// Registers a certificate of a pinned CA for this person.
///
/// # Errors
/// Refused if it does not chain to a pinned root, is not valid now, names another organisation, or is
/// registered already.
fn register_certificate(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    der: &[u8],
) -> Result<(), Failure> {
    let now = act.now();
    let subject = authority.check(der, now)?;
    if subject.credit_code != who.credit_code {
        return Err(Refused::new(422, "account.refusal.other_subject").into());
    }
    let fingerprint = hex::encode(sha256(&[der]));
    if store::certificate(act.db(), &fingerprint)?.is_some() {
        return Err(Refused::new(409, "account.refusal.certificate_known").into());
    }
    let certificate = Certificate {
        person: who.person,
        der: der.to_vec(),
        not_before: subject.not_before,
        not_after: subject.not_after,
        revoked_at: None,
    };
    store::insert_certificate(act.db(), &fingerprint, &certificate, now)?;
    act.enter(&Subject::None, &CertificateRegistered { fingerprint })?;
    Ok(())
}
