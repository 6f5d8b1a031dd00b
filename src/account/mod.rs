//! 登录 Sign-in, roles, certificates, signatures.

pub mod role;
