//! What a sign-in name, a password and a session must be.

use crate::platform::moment::{HOUR, MINUTE, Moment};
use crate::platform::refusal::Refused;

/// Names a person in `Id<Person>`.
pub enum Person {}

/// A session ends this long after sign-in, whatever happens.
pub const SESSION_MICROS: i64 = 8 * HOUR;
/// After this long the session's token is replaced at the next page.
pub const ROTATE_MICROS: i64 = 30 * MINUTE;
/// How long a certificate of the demonstration CA is valid.
pub const CERTIFICATE_DAYS: i64 = 730;

/// Whether a session that was opened at `created` still counts.
pub fn session_is_alive(expires: Moment, now: Moment) -> bool {
    now < expires
}

/// A sign-in name: 3 to 40 of `a-z 0-9 . - _`, lower-cased.
///
/// # Errors
/// Anything else.
pub fn check_login(text: &str) -> Result<String, Refused> {
    let login = text.trim().to_ascii_lowercase();
    let plain = login.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if (3..=40).contains(&login.len()) && plain {
        Ok(login)
    } else {
        Err(Refused::new(422, "account.refusal.login").field("login"))
    }
}

/// A new password: 10 to 200 characters. Length beats rules about signs (NIST SP 800-63B 5.1.1.2).
///
/// # Errors
/// It is shorter or longer.
pub fn check_password(text: &str) -> Result<(), Refused> {
    if (10..=200).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(Refused::new(422, "account.refusal.password").field("password"))
    }
}

/// A person's name: 1 to 60 characters, no control characters.
///
/// # Errors
/// Anything else.
pub fn check_person(text: &str) -> Result<String, Refused> {
    let name = text.trim();
    if (1..=60).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(Refused::new(422, "account.refusal.person").field("person"))
    }
}
