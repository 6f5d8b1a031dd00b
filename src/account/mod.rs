//! 登录 Accounts: people, their roles, their sessions, their signing keys.
//!
//! A person belongs to an organisation and has one role; roles are extractor types in the handlers' signatures
//! ([`who::Bidder`], [`who::Agent`] …), so that no page can be written without saying who may call it. Passwords are
//! kept as argon2id. What has legal weight is signed with a P-256 key that the browser generates and never gives
//! away; the built-in demonstration CA certifies it, or pinned outside CA roots do. A signature counts if it
//! verifies, its certificate is of this person, chains to a pinned root and was valid when it was made
//! (电子签名法 art. 13).
//!
//! Who comes in: everybody. What leaves: who somebody is ([`who::Who`]), what every page knows ([`page::Page`]),
//! checked signatures ([`signature::Signed`]).
//!
//! Invariants: the server never sees a private key; a session token is stored only as its hash, ends after eight
//! hours and changes every half hour; every form carries a token bound to the session.
//! Tables: `account_person`, `account_session`, `account_certificate`.

pub mod actions;
pub mod authority;
pub mod field;
pub mod form;
pub mod house;
pub mod limits;
pub mod page;
pub mod pages;
pub mod role;
pub mod route;
pub mod rules;
pub mod session;
pub mod signature;
pub mod store;
pub mod who;

pub mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod outside_tests;
#[cfg(test)]
mod sign_in_tests;
#[cfg(test)]
mod signer_tests;
