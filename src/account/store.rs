//! All SQL on people, sessions and certificates.

use super::role::Role;
use super::rules::Person;
use super::who::Who;
use crate::party::rules::Organisation;
use crate::party::store::party_organisation;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;

diesel::table! {
    account_person (id) {
        id -> Text,
        organisation_id -> Text,
        login -> Text,
        name -> Text,
        role -> Text,
        password -> Text,
        created_at -> BigInt,
        disabled_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    account_session (token_hash) {
        token_hash -> Text,
        person_id -> Text,
        created_at -> BigInt,
        rotated_at -> BigInt,
        expires_at -> BigInt,
    }
}
diesel::table! {
    account_certificate (fingerprint) {
        fingerprint -> Text,
        person_id -> Text,
        der -> Binary,
        not_before -> BigInt,
        not_after -> BigInt,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}
diesel::joinable!(account_person -> party_organisation (organisation_id));
diesel::allow_tables_to_appear_in_same_query!(account_person, party_organisation);

/// A person and the hash of their password.
pub struct Credentials {
    pub person: Id<Person>,
    pub password: String,
    pub disabled: bool,
}

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub person: Id<Person>,
    pub rotated_at: Moment,
    pub expires_at: Moment,
}

/// A certificate that a person registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub person: Id<Person>,
    pub der: Vec<u8>,
    pub not_before: Moment,
    pub not_after: Moment,
    pub revoked_at: Option<Moment>,
}

fn id<T>(text: &str) -> Result<Id<T>, Fault> {
    Id::parse(text).ok_or_else(|| Fault::new("a damaged id in the database"))
}

/// Who signs in under this name.
pub fn credentials(db: &mut Db, login: &str) -> Result<Option<Credentials>, Fault> {
    let row: Option<(String, String, Option<i64>)> = account_person::table
        .filter(account_person::login.eq(login))
        .select((account_person::id, account_person::password, account_person::disabled_at))
        .first(db)
        .optional()?;
    row.map(|(person, password, disabled)| {
        Ok(Credentials { person: id(&person)?, password, disabled: disabled.is_some() })
    })
    .transpose()
}

/// Who this person is; `None` if there is none or the account is closed.
pub fn who(db: &mut Db, person: Id<Person>) -> Result<Option<Who>, Fault> {
    let found = people(db, &[person])?;
    Ok(found.into_iter().next())
}

/// Several people at once, open accounts only, in no order.
pub fn people(db: &mut Db, ids: &[Id<Person>]) -> Result<Vec<Who>, Fault> {
    let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
    rows(db, |query| query.filter(account_person::id.eq_any(ids)))
}

/// Everybody with a role, by name; for the few roles that have few people (never bidders or experts).
pub fn people_with(db: &mut Db, role: Role) -> Result<Vec<Who>, Fault> {
    rows(db, |query| query.filter(account_person::role.eq(role.code())))
}

/// Whether anybody has an account.
pub fn anybody(db: &mut Db) -> Result<bool, Fault> {
    let found: Option<String> = account_person::table.select(account_person::id).first(db).optional()?;
    Ok(found.is_some())
}

/// The person who signs in under this name.
pub fn by_login(db: &mut Db, login: &str) -> Result<Option<Who>, Fault> {
    let login = login.to_owned();
    Ok(rows(db, |query| query.filter(account_person::login.eq(login)))?.into_iter().next())
}

type Columns = (String, String, String, String, String, String, String);
type People<'a> = diesel::helper_types::IntoBoxed<
    'a,
    diesel::helper_types::Select<
        diesel::helper_types::InnerJoin<account_person::table, party_organisation::table>,
        (
            account_person::id,
            account_person::login,
            account_person::name,
            account_person::role,
            party_organisation::id,
            party_organisation::name,
            party_organisation::credit_code,
        ),
    >,
    crate::platform::database::MultiBackend,
>;

fn rows<'a>(db: &mut Db, narrow: impl FnOnce(People<'a>) -> People<'a>) -> Result<Vec<Who>, Fault> {
    let query = account_person::table
        .inner_join(party_organisation::table)
        .select((
            account_person::id,
            account_person::login,
            account_person::name,
            account_person::role,
            party_organisation::id,
            party_organisation::name,
            party_organisation::credit_code,
        ))
        .into_boxed();
    let found: Vec<Columns> =
        narrow(query).filter(account_person::disabled_at.is_null()).order(account_person::name).load(db)?;
    found.into_iter().map(who_of).collect()
}

fn who_of(
    (person, login, name, role, organisation, organisation_name, credit_code): Columns,
) -> Result<Who, Fault> {
    let role = Role::from_code(&role).ok_or_else(|| Fault::new("an unknown role in the database"))?;
    Ok(Who {
        person: id(&person)?,
        login,
        name,
        role,
        organisation: id(&organisation)?,
        organisation_name,
        credit_code,
    })
}

/// The session with this token hash.
pub fn session(db: &mut Db, token_hash: &str) -> Result<Option<Session>, Fault> {
    let row: Option<(String, i64, i64)> = account_session::table
        .filter(account_session::token_hash.eq(token_hash))
        .select((account_session::person_id, account_session::rotated_at, account_session::expires_at))
        .first(db)
        .optional()?;
    row.map(|(person, rotated, expires)| {
        Ok(Session {
            person: id(&person)?,
            rotated_at: Moment::from_micros(rotated),
            expires_at: Moment::from_micros(expires),
        })
    })
    .transpose()
}

/// The certificate with this SHA-256 fingerprint (hex).
pub fn certificate(db: &mut Db, fingerprint: &str) -> Result<Option<Certificate>, Fault> {
    let row: Option<CertificateRow> = account_certificate::table
        .filter(account_certificate::fingerprint.eq(fingerprint))
        .select(CERTIFICATE)
        .first(db)
        .optional()?;
    row.map(certificate_of).transpose()
}

/// All certificates of a person, newest first.
pub fn certificates(db: &mut Db, person: Id<Person>) -> Result<Vec<Certificate>, Fault> {
    let rows: Vec<CertificateRow> = account_certificate::table
        .filter(account_certificate::person_id.eq(person.to_string()))
        .order(account_certificate::created_at.desc())
        .select(CERTIFICATE)
        .load(db)?;
    rows.into_iter().map(certificate_of).collect()
}

type CertificateRow = (String, Vec<u8>, i64, i64, Option<i64>);
type CertificateColumns = (
    account_certificate::person_id,
    account_certificate::der,
    account_certificate::not_before,
    account_certificate::not_after,
    account_certificate::revoked_at,
);
const CERTIFICATE: CertificateColumns = (
    account_certificate::person_id,
    account_certificate::der,
    account_certificate::not_before,
    account_certificate::not_after,
    account_certificate::revoked_at,
);

fn certificate_of((person, der, from, until, revoked): CertificateRow) -> Result<Certificate, Fault> {
    Ok(Certificate {
        person: id(&person)?,
        der,
        not_before: Moment::from_micros(from),
        not_after: Moment::from_micros(until),
        revoked_at: revoked.map(Moment::from_micros),
    })
}

/// A person to be added.
pub struct NewPerson<'a> {
    pub id: Id<Person>,
    pub organisation: Id<Organisation>,
    pub login: &'a str,
    pub name: &'a str,
    pub role: Role,
    /// The argon2id hash in PHC form.
    pub password: &'a str,
}

pub(super) fn insert_person(db: &mut Db, new: &NewPerson<'_>, now: Moment) -> Result<(), Fault> {
    diesel::insert_into(account_person::table)
        .values((
            account_person::id.eq(new.id.to_string()),
            account_person::organisation_id.eq(new.organisation.to_string()),
            account_person::login.eq(new.login),
            account_person::name.eq(new.name),
            account_person::role.eq(new.role.code()),
            account_person::password.eq(new.password),
            account_person::created_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_session(
    db: &mut Db,
    token_hash: &str,
    session: &Session,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(account_session::table)
        .values((
            account_session::token_hash.eq(token_hash),
            account_session::person_id.eq(session.person.to_string()),
            account_session::created_at.eq(now.micros()),
            account_session::rotated_at.eq(session.rotated_at.micros()),
            account_session::expires_at.eq(session.expires_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn delete_session(db: &mut Db, token_hash: &str) -> Result<bool, Fault> {
    let gone = diesel::delete(account_session::table.filter(account_session::token_hash.eq(token_hash)))
        .execute(db)?;
    Ok(gone > 0)
}

pub(super) fn delete_expired_sessions(db: &mut Db, now: Moment) -> Result<usize, Fault> {
    Ok(diesel::delete(account_session::table.filter(account_session::expires_at.le(now.micros())))
        .execute(db)?)
}

pub(super) fn insert_certificate(
    db: &mut Db,
    fingerprint: &str,
    certificate: &Certificate,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(account_certificate::table)
        .values((
            account_certificate::fingerprint.eq(fingerprint),
            account_certificate::person_id.eq(certificate.person.to_string()),
            account_certificate::der.eq(&certificate.der),
            account_certificate::not_before.eq(certificate.not_before.micros()),
            account_certificate::not_after.eq(certificate.not_after.micros()),
            account_certificate::created_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}
