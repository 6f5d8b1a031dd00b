//! The subcommands of `sunbid`, one file each.

pub mod draw;
