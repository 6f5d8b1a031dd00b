//! The basement: what every room stands on and what knows no room.
//!
//! Value types ([`moment`], [`money`], [`id`], [`digest`], [`canonical`]), refusals and faults ([`refusal`]),
//! configuration, the database door, file storage and the web plumbing. Every file here can be explained
//! without a procurement word.

pub mod calendar;
pub mod canonical;
pub mod config;
pub mod database;
pub mod digest;
pub mod files;
pub mod id;
pub mod live;
pub mod metrics;
pub mod moment;
pub mod money;
pub mod pem;
pub mod queue;
pub mod random;
pub mod refusal;
pub mod tries;
pub mod turns;
pub mod vault;
pub mod waiting;
pub mod web;
