//! Tests of the whole street: over HTTP, over all routes and roles, and of the source itself.

mod access_table;
pub mod browser;
mod config;
mod crash;
mod files;
mod foreign_log;
mod key_files;
mod manual;
mod real_browser;
pub mod running;
mod scripts;
mod secrecy;
mod street;
mod tidy;
mod witnessed;
