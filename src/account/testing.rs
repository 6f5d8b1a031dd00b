//! What every room's tests need: a house on a fresh database with a clock that stands still, and people with keys.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Registration};
use super::authority::Authority;
use super::house::House;
use super::role::Role;
use super::signature::{LABEL, SignedFields};
use super::who::Who;
use crate::ledger::{Act, Actor, Done, Door};
use crate::party::rules::CreditCode;
#[cfg(test)]
use crate::platform::config::Config;
#[cfg(test)]
use crate::platform::database::testing::{Engine, fresh};
use crate::platform::digest::b64u;
use crate::platform::moment::{Clock, Moment};
use crate::platform::random;
use crate::platform::refusal::{Failure, Refused};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A house of its own, on a fresh database of the given engine, in temporary folders.
pub struct TestHouse {
    pub house: House,
    pub clock: Clock,
    next_code: AtomicU32,
    password_hash: String,
    _folder: Option<tempfile::TempDir>,
}

/// 2026-03-02 09:00 in Beijing, a Monday: where every test begins unless it says otherwise.
pub const BEGINNING: &str = "2026-03-02T09:00:00+08:00";

/// A person with their signing key.
#[derive(Clone)]
pub struct Member {
    pub who: Who,
    pub key: Arc<EcdsaKeyPair>,
    /// The key as a file would hold it.
    pub pkcs8: Vec<u8>,
    pub certificate: Vec<u8>,
}

impl TestHouse {
    #[cfg(test)]
    pub fn new(engine: Engine) -> Self {
        Self::configured(engine, |_| {})
    }

    /// A house with settings of its own.
    #[cfg(test)]
    pub fn configured(engine: Engine, set: impl FnOnce(&mut Config)) -> Self {
        let (database_url, folder) = fresh(engine);
        let mut config = Config {
            database_url,
            files: folder.path().join("files").display().to_string(),
            keys: folder.path().join("keys"),
            origin: "log.test.example/main".into(),
            ..Config::default()
        };
        set(&mut config);
        let clock = Clock::set_at(Moment::parse(BEGINNING).unwrap());
        let house = House::open(config, clock.clone()).unwrap();
        Self { _folder: Some(folder), ..Self::of(house, clock, &cheap_hash("correct horse")) }
    }

    /// A house that was opened elsewhere, under a set clock; everybody hired in it gets this password.
    pub fn of(house: House, clock: Clock, password_hash: &str) -> Self {
        Self {
            house,
            clock,
            next_code: AtomicU32::new(1),
            password_hash: password_hash.into(),
            _folder: None,
        }
    }

    /// The same house after its program stopped where it stood: what was in memory is gone, database, files and keys are
    /// as they were.
    #[cfg(test)]
    pub fn reopened(self) -> Self {
        let Self { house, clock, next_code, password_hash, _folder } = self;
        let config = house.door.config().clone();
        drop(house);
        let house = House::open(config, clock.clone()).unwrap();
        Self { house, clock, next_code, password_hash, _folder }
    }

    pub fn door(&self) -> &Door {
        &self.house.door
    }

    pub fn authority(&self) -> &Authority {
        &self.house.authority
    }

    /// Moves the clock to a Beijing time, `2026-03-25 09:30:00`.
    pub fn at(&self, beijing: &str) {
        self.clock.move_to(Moment::parse_beijing(beijing).unwrap());
    }

    /// Runs an action as `who` and gives its value.
    pub fn act<T: Send + 'static>(
        &self,
        who: &Who,
        work: impl FnOnce(&mut Act<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Done<T>, Failure> {
        self.door().write(who.actor(), work)
    }

    /// Registers a person of a new organisation, with a key and certificate. Password `correct horse`.
    pub fn member(&self, role: Role, login: &str) -> Member {
        self.member_of(role, login, &format!("{login}有限公司"))
    }

    /// As [`TestHouse::member`], of an organisation with this name.
    pub fn member_of(&self, role: Role, login: &str, organisation: &str) -> Member {
        self.hire(role, login, &format!("{login}先生"), organisation)
    }

    /// Registers this person of a new organisation, with a key and certificate.
    pub fn hire(&self, role: Role, login: &str, person: &str, organisation: &str) -> Member {
        self.with_key(self.registered(role, login, person, organisation))
    }

    /// Registers this person of a new organisation, without a key.
    pub fn registered(&self, role: Role, login: &str, person: &str, organisation: &str) -> Who {
        let number = self.next_code.fetch_add(1, Ordering::SeqCst);
        // invented codes: there is no region 990000
        let code = CreditCode::complete(&format!("91990000{number:0>9}")).unwrap();
        self.registered_under(code.to_string(), role, login, (person, organisation))
    }

    /// Registers somebody else of the organisation of `member`, in the same role, without a key.
    pub fn registered_beside(&self, member: &Member, login: &str) -> Who {
        let Who { credit_code, role, organisation_name, .. } = &member.who;
        let person = format!("{login}先生");
        self.registered_under(credit_code.clone(), *role, login, (&person, organisation_name))
    }

    fn registered_under(
        &self,
        credit_code: String,
        role: Role,
        login: &str,
        (person, organisation): (&str, &str),
    ) -> Who {
        let new = Registration {
            credit_code,
            organisation: organisation.into(),
            person: person.into(),
            login: login.into(),
            password_hash: self.password_hash.clone(),
            role,
        };
        let registered =
            self.door().write(Actor::system("registration"), move |act| actions::register(act, &new));
        registered.unwrap().value
    }

    /// Gives a person a signing key.
    pub fn with_key(&self, who: Who) -> Member {
        let random = random::source();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let point = key.public_key().as_ref().to_vec();
        let message = [b"etrade/enrol/v1\n", who.person.to_string().as_bytes()].concat();
        let proof = key.sign(&random, &message).unwrap().as_ref().to_vec();
        let (authority, person) = (self.authority().clone(), who.clone());
        let done =
            self.act(&who, move |act| actions::enrol(act, &authority, &person, &point, &proof)).unwrap();
        Member { who, key: Arc::new(key), pkcs8: pkcs8.as_ref().to_vec(), certificate: done.value }
    }
}

impl Member {
    /// Signs a statement as the browser would.
    pub fn sign(&self, statement: &str) -> SignedFields {
        SignedFields {
            statement: statement.into(),
            signature: b64u(&self.sign_bytes(&[LABEL, statement.as_bytes()].concat())),
            certificate: b64u(&self.certificate),
        }
    }

    /// The PKCS#12 file that the browser would offer as a backup of the key.
    pub fn key_file(&self, passphrase: &str) -> Vec<u8> {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
        let leaf = Certificate::from_der(&self.certificate).unwrap();
        let chain = PrivateKeyChain::new(
            self.who.login.as_bytes(),
            PrivateKey::from_der(&self.pkcs8).unwrap(),
            [leaf],
        );
        let mut store = KeyStore::new();
        store.add_entry(&self.who.login, KeyStoreEntry::PrivateKeyChain(chain));
        store.writer(passphrase).write().unwrap()
    }

    /// Signs any bytes: r‖s, 64 bytes.
    pub fn sign_bytes(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(&random::source(), message).unwrap().as_ref().to_vec()
    }
}

/// An argon2id hash that costs little, so that tests are quick.
pub fn cheap_hash(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let params = Params::new(8, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .unwrap()
        .to_string()
}

/// Runs a future to its end on a runtime of its own.
pub fn run<F>(work: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let own = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(work)
    };
    // a thread of its own: the caller may be inside a runtime, which would not let it wait
    std::thread::scope(|scope| scope.spawn(own).join()).unwrap()
}

/// The refusal in a result, or a panic that says what came instead.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refused {
    match result {
        Err(Failure::Refused(refused)) => refused,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
