//! The configuration: one documented TOML file, every key of which an environment variable may override.
//! `sunbid.example.toml` in the root of the repository shows every key with its default; a test keeps it true.

use super::refusal::Fault;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that can be set. Read once at start and passed down; there are no globals.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to serve on. `SUNBID_LISTEN`.
    pub listen: String,
    /// Address and port of `/metrics`, for the machine's keepers; empty for none. `SUNBID_METRICS`.
    pub metrics: String,
    /// `sqlite:PATH` or `postgres://user:password@host/database`. `SUNBID_DATABASE_URL`.
    pub database_url: String,
    /// Folder, or `s3://bucket/prefix?endpoint=http://…` with the usual AWS_* variables. `SUNBID_FILES`.
    pub files: String,
    /// Folder of this server's key files: log signer, vault, demonstration CA. `SUNBID_KEYS`.
    pub keys: PathBuf,
    /// Folder in which the public log lies as plain files; empty for `log` beside the folder of keys. `SUNBID_LOG_FILES`.
    pub log_files: String,
    /// Name of the public log, as it stands in the first line of every checkpoint. `SUNBID_ORIGIN`.
    pub origin: String,
    /// Address under which the public reaches this server; permanent links begin with it. `SUNBID_PUBLIC_URL`.
    pub public_url: String,
    /// PEM file with outside CA roots that replace the demonstration CA; empty for none. `SUNBID_CA_ROOTS`.
    pub ca_roots: String,
    /// Whether this is a demonstration centre: example tenders, and a clock that staff may move forward. `SUNBID_DEMO`.
    pub demo: bool,
    /// Whether cookies demand HTTPS; set it behind a TLS proxy. `SUNBID_SECURE_COOKIES`.
    pub secure_cookies: bool,
    /// Largest file that may be uploaded, in bytes. `SUNBID_UPLOAD_BYTES_MAX`.
    pub upload_bytes_max: u64,
    /// Most uploads of one bidder that are not handed in yet. `SUNBID_UPLOADS_PER_BIDDER`.
    pub uploads_per_bidder: u32,
    /// Most bytes of one bidder's uploads that are not handed in yet, by their announced sizes.
    /// `SUNBID_UPLOAD_BYTES_PER_BIDDER`.
    pub upload_bytes_per_bidder: u64,
    /// Seconds for which a connection that uploads may bring nothing before it is ended. `SUNBID_UPLOAD_IDLE_SECONDS`.
    pub upload_idle_seconds: u64,
    /// Memory for bytes of all uploads together that are on their way to the disk. `SUNBID_UPLOAD_MEMORY_BYTES`.
    pub upload_memory_bytes: u64,
    /// Bytes of the file store's disk that new uploads may not touch. Not looked at on S3, which tells nobody how much it
    /// still takes. `SUNBID_DISK_RESERVE_BYTES`.
    pub disk_reserve_bytes: u64,
    /// C2SP tlog-policy file with the witnesses of the log; empty for none. `SUNBID_LOG_POLICY`.
    pub log_policy: String,
    /// Address of an RFC 3161 authority that stamps closing checkpoints; empty for none. `SUNBID_TIMESTAMP_URL`.
    pub timestamp_url: String,
    /// PEM file with the roots of that authority. `SUNBID_TIMESTAMP_ROOTS`.
    pub timestamp_roots: String,
    /// Mean time between entries that only hide how much happens, in seconds; 0 for none. `SUNBID_COVER_SECONDS`.
    pub cover_seconds: u64,
    /// Mean time between rows and files that look like a bid and are none, in seconds; 0 for none. Each takes a megabyte for
    /// some months. `SUNBID_COVER_BID_SECONDS`.
    pub cover_bid_seconds: u64,
    /// Tries to sign in that one address has with one sign-in name in a minute; 0: no limit. `SUNBID_SIGN_IN_TRIES`.
    pub sign_in_tries: u32,
    /// Tries to sign in that one address has in a minute, with whatever names; 0: no limit.
    /// `SUNBID_SIGN_IN_TRIES_PER_ADDRESS`.
    pub sign_in_tries_per_address: u32,
    /// From this ceiling of a lot on, in whole yuan, bidders are told to seal with the command line rather than with a
    /// script that the server sends; 0: always. `SUNBID_COMMAND_LINE_FROM`.
    pub command_line_from: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            metrics: "127.0.0.1:9464".into(),
            database_url: "sqlite:media/sunbid.db".into(),
            files: "media/files".into(),
            keys: "media/keys".into(),
            log_files: String::new(),
            origin: "log.sunbid.example/main".into(),
            public_url: "http://127.0.0.1:8080".into(),
            ca_roots: String::new(),
            demo: false,
            secure_cookies: false,
            // 2 GiB of files with their headers, padding and tags
            upload_bytes_max: 2304 << 20,
            uploads_per_bidder: 16,
            upload_bytes_per_bidder: 10 << 30,
            upload_idle_seconds: 60,
            upload_memory_bytes: 192 << 20,
            disk_reserve_bytes: 1 << 30,
            log_policy: String::new(),
            timestamp_url: String::new(),
            timestamp_roots: String::new(),
            cover_seconds: 60,
            cover_bid_seconds: 600,
            sign_in_tries: 10,
            sign_in_tries_per_address: 120,
            command_line_from: 50_000_000,
        }
    }
}

impl Config {
    /// Reads `file` if it exists, then lets the environment override single keys.
    ///
    /// # Errors
    /// A file or a variable that can not be understood, with its name.
    pub fn load(file: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, Fault> {
        let mut config: Self = match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text)
                .map_err(|e| Fault::from(e).context(format!("reading {}", file.display())))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(e) => return Err(Fault::from(e).context(format!("reading {}", file.display()))),
        };
        let text = |key: &str, slot: &mut String| env(key).into_iter().for_each(|value| *slot = value);
        text("SUNBID_LISTEN", &mut config.listen);
        text("SUNBID_METRICS", &mut config.metrics);
        text("SUNBID_DATABASE_URL", &mut config.database_url);
        text("SUNBID_FILES", &mut config.files);
        text("SUNBID_LOG_FILES", &mut config.log_files);
        text("SUNBID_ORIGIN", &mut config.origin);
        text("SUNBID_PUBLIC_URL", &mut config.public_url);
        text("SUNBID_CA_ROOTS", &mut config.ca_roots);
        text("SUNBID_LOG_POLICY", &mut config.log_policy);
        text("SUNBID_TIMESTAMP_URL", &mut config.timestamp_url);
        text("SUNBID_TIMESTAMP_ROOTS", &mut config.timestamp_roots);
        let usual = Self::default();
        if config.public_url == usual.public_url && config.listen != usual.listen {
            config.public_url = format!("http://{}", reached_at(&config.listen));
        }
        if let Some(keys) = env("SUNBID_KEYS") {
            config.keys = keys.into();
        }
        let flag = |key: &str, slot: &mut bool| -> Result<(), Fault> {
            match env(key).as_deref() {
                None => {}
                Some("1" | "true" | "yes") => *slot = true,
                Some("0" | "false" | "no" | "") => *slot = false,
                Some(other) => return Err(Fault::new(format!("{key} must be true or false, not {other:?}"))),
            }
            Ok(())
        };
        flag("SUNBID_DEMO", &mut config.demo)?;
        flag("SUNBID_SECURE_COOKIES", &mut config.secure_cookies)?;
        number("SUNBID_UPLOAD_BYTES_MAX", &env, &mut config.upload_bytes_max, "bytes")?;
        number("SUNBID_UPLOADS_PER_BIDDER", &env, &mut config.uploads_per_bidder, "uploads")?;
        number("SUNBID_UPLOAD_BYTES_PER_BIDDER", &env, &mut config.upload_bytes_per_bidder, "bytes")?;
        number("SUNBID_UPLOAD_IDLE_SECONDS", &env, &mut config.upload_idle_seconds, "seconds")?;
        number("SUNBID_UPLOAD_MEMORY_BYTES", &env, &mut config.upload_memory_bytes, "bytes")?;
        number("SUNBID_DISK_RESERVE_BYTES", &env, &mut config.disk_reserve_bytes, "bytes")?;
        number("SUNBID_COVER_SECONDS", &env, &mut config.cover_seconds, "seconds")?;
        number("SUNBID_COVER_BID_SECONDS", &env, &mut config.cover_bid_seconds, "seconds")?;
        number("SUNBID_SIGN_IN_TRIES", &env, &mut config.sign_in_tries, "tries")?;
        number("SUNBID_SIGN_IN_TRIES_PER_ADDRESS", &env, &mut config.sign_in_tries_per_address, "tries")?;
        number("SUNBID_COMMAND_LINE_FROM", &env, &mut config.command_line_from, "yuan")?;
        Ok(config)
    }
}

impl Config {
    /// The folder in which the public log lies as plain files.
    pub fn log_folder(&self) -> PathBuf {
        if self.log_files.is_empty() { self.keys.with_file_name("log") } else { (&self.log_files).into() }
    }
}

/// Where whoever only moves the listening address is reached. "Every address of this machine" is no address of any
/// machine, so it stands for this one.
fn reached_at(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        _ => listen.to_owned(),
    }
}

fn number<T: std::str::FromStr>(
    key: &str,
    env: impl Fn(&str) -> Option<String>,
    slot: &mut T,
    what: &str,
) -> Result<(), Fault> {
    if let Some(text) = env(key) {
        *slot = text.parse().map_err(|_| Fault::new(format!("{key} must be a whole number of {what}")))?;
    }
    Ok(())
}
