//! 命令行 The subcommands of `sunbid`, one file each: an `Args` struct for clap and a `run`.
//!
//! Nothing here decides anything: a `run` reads files, calls one function and prints; `send` and `log` speak with a server. `seal` and `open` work without
//! a server and without a network, so that a bidder or trustee who does not trust the browser bundle needs nothing
//! from the platform but two downloads.

pub mod draw;
pub mod export;
pub mod log;
pub mod open;
pub mod seal;
pub mod send;
pub mod trustee;
pub mod verify;
