//! `sunbid log witness`: a witness that anybody may run, on a machine that the platform's operator does not own.

use super::told;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{Note, Signature, VerifierKey, WitnessKey};
use crate::ledger::rotation::Rotations;
use crate::ledger::tree::Hash;
use crate::ledger::witness::{Denied, MAX_REQUEST, Request};
use crate::platform::digest::sha256;
use crate::platform::moment::{Clock, SECOND};
use crate::platform::refusal::Fault;
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use clap::Args;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Args, Debug)]
pub struct WitnessArgs {
    /// The witness's private key
    #[arg(long)]
    key: PathBuf,
    /// Verifier key of a log to cosign; repeat for several
    #[arg(long, required = true)]
    log: Vec<String>,
    /// Folder that remembers what was cosigned last. Who loses it must make a new key
    #[arg(long)]
    state: PathBuf,
    /// Address and port to serve on
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: String,
}

/// One witness: its key, the logs that it knows, and what it cosigned last.
pub struct Witness {
    key: WitnessKey,
    logs: Vec<VerifierKey>,
    state: PathBuf,
    clock: Clock,
    /// Held from reading what was cosigned last until the new state is durable.
    one_at_a_time: Mutex<()>,
}

impl Witness {
    /// A witness that remembers in the folder `state`.
    ///
    /// # Errors
    /// The folder can not be made.
    pub fn new(key: WitnessKey, logs: Vec<VerifierKey>, state: PathBuf, clock: Clock) -> Result<Self, Fault> {
        fs::create_dir_all(&state)?;
        Ok(Self { key, logs, state, clock, one_at_a_time: Mutex::new(()) })
    }

    fn file_of(&self, origin: &str) -> PathBuf {
        self.state.join(format!("{}.checkpoint", hex::encode(&sha256(&[origin.as_bytes()])[..16])))
    }

    fn last(&self, origin: &str) -> Result<Option<(u64, Hash)>, Fault> {
        let bytes = match fs::read(self.file_of(origin)) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let last = Checkpoint::parse(Note::parse(&bytes)?.text())?;
        Ok(Some((last.size, last.root)))
    }

    /// Answers one request: a cosignature that is already remembered durably, or why not.
    ///
    /// # Errors
    /// The state can not be read or written; then nothing is cosigned.
    pub fn add(&self, body: &[u8]) -> Result<Result<Signature, Denied>, Fault> {
        let Some(request) = Request::parse(body) else { return Ok(Err(Denied::Malformed)) };
        let Ok(Checkpoint { origin, .. }) = Checkpoint::parse(request.checkpoint.text()) else {
            return Ok(Err(Denied::Malformed));
        };
        let _alone = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last(&origin)?;
        let rotations = self.rotations(&origin)?;
        let logs = rotations.lead_from(&self.logs);
        if let Err(denied) = request.judge(&logs, &rotations, |_| last) {
            return Ok(Err(denied));
        }
        let seconds = u64::try_from(self.clock.now().micros() / SECOND)?;
        let line = self.key.cosign(request.checkpoint.text(), seconds);
        self.keep(&origin, &request.checkpoint.with(line.clone()))?;
        Ok(Ok(line))
    }

    fn rotations(&self, origin: &str) -> Result<Rotations, Fault> {
        match fs::read_to_string(self.file_of(origin).with_extension("rotations")) {
            Ok(text) => Ok(Rotations::parse(&text)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Rotations::default()),
            Err(e) => Err(e.into()),
        }
    }

    /// Takes up that a log changed its key: `body` is all its rotations. They must lead from a key that this witness was
    /// told, take nothing back, and leave the checkpoint that was cosigned last as good as it was.
    ///
    /// # Errors
    /// The state can not be read or written.
    pub fn add_rotations(&self, body: &[u8]) -> Result<Result<(), Denied>, Fault> {
        let parsed = std::str::from_utf8(body).ok().and_then(|text| Rotations::parse(text).ok());
        let Some(rotations) = parsed else { return Ok(Err(Denied::Malformed)) };
        let Some(newest) = rotations.list().last() else { return Ok(Err(Denied::Malformed)) };
        let origin = newest.new.name();
        let logs = rotations.lead_from(&self.logs);
        if !logs.contains(&newest.new) {
            return Ok(Err(Denied::UnknownLog(origin.to_owned())));
        }
        let _alone = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        if !rotations.extend(&self.rotations(origin)?) {
            return Ok(Err(Denied::NotAnExtension));
        }
        let stands = match fs::read(self.file_of(origin)) {
            Ok(last) => Checkpoint::open_in_term(&last, origin, &logs, &rotations).is_ok(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => true,
            Err(e) => return Err(e.into()),
        };
        if !stands {
            return Ok(Err(Denied::NotAnExtension));
        }
        self.write(&self.file_of(origin).with_extension("rotations"), &rotations.to_string())?;
        Ok(Ok(()))
    }

    fn keep(&self, origin: &str, note: &Note) -> Result<(), Fault> {
        self.write(&self.file_of(origin), &note.to_string())
    }

    fn write(&self, file: &Path, text: &str) -> Result<(), Fault> {
        let mut fresh = tempfile::NamedTempFile::new_in(&self.state)?;
        fresh.write_all(text.as_bytes())?;
        fresh.as_file().sync_all()?;
        fresh.persist(file).map_err(|e| e.error)?;
        Ok(fs::File::open(&self.state)?.sync_all()?)
    }
}

async fn add_checkpoint(witness: web::Data<Witness>, body: web::Bytes) -> HttpResponse {
    answer(web::block(move || Ok(witness.add(&body)?.map(|line| format!("{line}\n")))).await)
}

async fn add_rotation(witness: web::Data<Witness>, body: web::Bytes) -> HttpResponse {
    answer(web::block(move || Ok(witness.add_rotations(&body)?.map(|()| String::new()))).await)
}

fn answer(
    done: Result<Result<Result<String, Denied>, Fault>, actix_web::error::BlockingError>,
) -> HttpResponse {
    let text = "text/plain; charset=utf-8";
    match done {
        Ok(Ok(Ok(words))) => HttpResponse::Ok().content_type(text).body(words),
        Ok(Ok(Err(denied))) => {
            let status = StatusCode::from_u16(denied.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let kind = if matches!(denied, Denied::OtherSize(_)) { "text/x.tlog.size" } else { text };
            HttpResponse::build(status).content_type(kind).body(format!("{denied}\n"))
        }
        Ok(Err(fault)) => {
            tracing::error!(why = fault.chain(), "the witness can not remember");
            HttpResponse::InternalServerError().content_type(text).body("the witness can not remember\n")
        }
        Err(_) => HttpResponse::ServiceUnavailable().content_type(text).body("try again\n"),
    }
}

/// Serves `witness` on `listener`.
///
/// # Errors
/// The socket can not be used.
pub fn start(witness: Arc<Witness>, listener: TcpListener) -> Result<Server, Fault> {
    let data = web::Data::from(witness);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(MAX_REQUEST))
            .route("/add-checkpoint", web::post().to(add_checkpoint))
            .route("/add-rotation", web::post().to(add_rotation))
    });
    Ok(server.workers(1).tcp_nodelay(true).shutdown_timeout(5).listen(listener)?.run())
}

pub(super) fn run(args: &WitnessArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let text = fs::read_to_string(&args.key).with_context(|| format!("reading {}", args.key.display()))?;
    let key = WitnessKey::parse(&text).with_context(|| args.key.display().to_string())?;
    let logs: Result<Vec<_>, _> = args.log.iter().map(|log| VerifierKey::parse(log.trim())).collect();
    let listener =
        TcpListener::bind(&args.listen).with_context(|| format!("listening on {}", args.listen))?;
    writeln!(out, "{} cosigns on http://{}", key.verifier(), listener.local_addr()?)?;
    out.flush()?;
    let witness = Witness::new(key, logs.context("--log")?, args.state.clone(), Clock::real());
    let witness = Arc::new(witness.map_err(told)?);
    actix_web::rt::System::new()
        .block_on(async { start(witness, listener)?.await.map_err(Fault::from) })
        .map_err(told)
}
