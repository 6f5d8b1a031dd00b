//! Tests of the whole street: over HTTP, over all routes and roles, and of the source itself.

mod access_table;
pub mod browser;
pub mod centre;
mod config;
mod crash;
mod crash_recording;
mod drafts;
mod files;
mod foreign_log;
mod hostile_bids;
mod key_files;
mod manual;
mod outage;
mod program;
mod real_browser;
mod refusals;
pub mod running;
mod scripts;
mod secrecy;
mod secrecy_running;
mod street;
mod tidy;
mod witnessed;
