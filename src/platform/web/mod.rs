//! Web plumbing that knows no room: languages, embedded assets, security headers, error pages.

pub mod assets;
pub mod attached;
pub mod failed;
pub mod headers;
pub mod lang;
pub mod reading;

pub use failed::{Answer, Failed};
pub use lang::Lang;
