//! WebM to fragmented MP4 with FFmpeg's libraries: pictures and sound are copied untouched, only the wrapping
//! changes. Pieces of one epoch are remuxed one by one and keep their absolute times, so nothing has to be held in
//! memory between them and a restart continues where it stopped.
//!
//! Blocking: call it from a blocking thread, never from a request's own.

use super::boxes::BOX_BYTES_MAX;
use ffmpeg::format::context::StreamIo;
use ffmpeg::{Dictionary, Packet, codec, format, media};
use ffmpeg_next as ffmpeg;
use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// A remuxed piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remuxed {
    /// `ftyp` + `moov`. Equal in meaning for all pieces of an epoch; the first one is kept.
    pub init: Vec<u8>,
    /// One or more `moof` + `mdat`.
    pub fragments: Vec<u8>,
}

/// Why a piece can not be remuxed.
#[derive(Debug, thiserror::Error)]
pub enum RemuxError {
    /// MP4 players do not know this codec; VP8 above all. Recorders must choose another.
    #[error("{0} can not be kept in MP4 without transcoding")]
    Codec(String),
    #[error("no picture or sound in it")]
    Empty,
    #[error("the muxer does not know the option {0}")]
    Option(String),
    #[error("{doing}: {source}")]
    Media { doing: &'static str, source: ffmpeg::Error },
    #[error("what came out is not fragmented MP4: {0}")]
    Output(#[from] super::boxes::Malformed),
}

fn failed(doing: &'static str) -> impl FnOnce(ffmpeg::Error) -> RemuxError {
    move |source| RemuxError::Media { doing, source }
}

/// Makes FFmpeg ready and quiet; every entry into it comes through here.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // it only fails for lack of memory at start-up, and then everything else does too
        let _ = ffmpeg::init();
        ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
    });
}

/// Remuxes `head` + one piece of whole clusters of a WebM or Matroska recording.
pub fn webm_to_fmp4(head: &[u8], piece: &[u8]) -> Result<Remuxed, RemuxError> {
    let mut bytes = Vec::with_capacity(head.len() + piece.len());
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(piece);
    let out = Collected::default();
    remux(Cursor::new(bytes), out.clone())?;
    split(&out.take())
}

/// Copies every kept stream of the WebM `input` into fragmented MP4 written to `output`. Both ends may be pipes.
pub fn remux<R, W>(input: R, output: W) -> Result<(), RemuxError>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    prepare();
    let read = StreamIo::from_read(input).map_err(failed("preparing to read"))?;
    let mut from =
        format::input_from_stream(read, Some("part.webm"), None).map_err(failed("opening the recording"))?;
    let write = StreamIo::from_write(output).map_err(failed("preparing to write"))?;
    let mut to = format::output_to_stream(write, None, Some("mp4")).map_err(failed("opening the muxer"))?;
    let streams = map_streams(&from, &mut to)?;
    let unused = to.write_header_with(options()).map_err(failed("writing the init section"))?;
    if let Some((name, _)) = unused.iter().next() {
        return Err(RemuxError::Option(name.to_string()));
    }
    drop(unused);
    copy_packets(&mut from, &mut to, streams)?;
    to.write_trailer().map_err(failed("writing the last fragment"))
}

/// Fragments that can be decoded on their own, times as they were, no index at the end.
fn options() -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("movflags", "empty_moov+default_base_moof+frag_custom+frag_discont+skip_trailer");
    options.set("use_editlist", "0");
    options.set("avoid_negative_ts", "disabled");
    options
}

/// One stream on its way from the demuxer to the muxer.
struct Copied {
    from: usize,
    to: usize,
    time_base: ffmpeg::Rational,
    last_dts: Option<i64>,
    last_step: i64,
}

fn map_streams(
    from: &format::context::Input,
    to: &mut format::context::Output,
) -> Result<Vec<Copied>, RemuxError> {
    let mut streams = Vec::new();
    for stream in from.streams() {
        let parameters = stream.parameters();
        if !matches!(parameters.medium(), media::Type::Video | media::Type::Audio) {
            continue;
        }
        let kept = [codec::Id::VP9, codec::Id::H264, codec::Id::AV1, codec::Id::OPUS];
        if !kept.contains(&parameters.id()) {
            return Err(RemuxError::Codec(parameters.id().name().to_string()));
        }
        let context =
            codec::Context::from_parameters(parameters).map_err(failed("reading a stream's head"))?;
        let added = to.add_stream_with(&context).map_err(failed("adding a stream"))?;
        let (from, to) = (stream.index(), added.index());
        streams.push(Copied { from, to, time_base: stream.time_base(), last_dts: None, last_step: 0 });
    }
    if streams.is_empty() { Err(RemuxError::Empty) } else { Ok(streams) }
}

fn copy_packets(
    from: &mut format::context::Input,
    to: &mut format::context::Output,
    mut streams: Vec<Copied>,
) -> Result<(), RemuxError> {
    let mut packet = Packet::empty();
    loop {
        match packet.read(from) {
            Ok(()) => {}
            Err(ffmpeg::Error::Eof) => return Ok(()),
            Err(other) => return Err(failed("reading a packet")(other)),
        }
        let Some(stream) = streams.iter_mut().find(|s| s.from == packet.stream()) else { continue };
        stream.time(&mut packet);
        let target = to.stream(stream.to).map(|s| s.time_base()).ok_or(RemuxError::Empty)?;
        packet.rescale_ts(stream.time_base, target);
        packet.set_position(-1);
        packet.set_stream(stream.to);
        packet.write_interleaved(to).map_err(failed("writing a packet"))?;
    }
}

impl Copied {
    /// Live WebM gives no durations, and Opus begins a few milliseconds below zero: both upset the muxer.
    fn time(&mut self, packet: &mut Packet) {
        let dts = packet.dts().or(packet.pts()).unwrap_or_default().max(0);
        packet.set_dts(Some(dts));
        packet.set_pts(Some(packet.pts().unwrap_or(dts).max(dts)));
        if let Some(last) = self.last_dts {
            self.last_step = (dts - last).max(0);
        }
        if packet.duration() <= 0 {
            packet.set_duration(self.last_step);
        }
        self.last_dts = Some(dts);
    }
}

fn split(bytes: &[u8]) -> Result<Remuxed, RemuxError> {
    use super::boxes::{Malformed, box_at};
    let ftyp = box_at(bytes, 0)?.ok_or(Malformed::Missing(*b"ftyp"))?;
    let moov = box_at(bytes, ftyp.end)?.ok_or(Malformed::Missing(*b"moov"))?;
    let (init, fragments) = bytes.split_at_checked(moov.end).ok_or(Malformed::Missing(*b"moov"))?;
    if fragments.len() > BOX_BYTES_MAX {
        return Err(Malformed::TooLarge(fragments.len() as u64).into());
    }
    Ok(Remuxed { init: init.to_vec(), fragments: fragments.to_vec() })
}

/// A sink that can be read after the muxer, which owns its writer, is done.
#[derive(Clone, Default)]
pub(super) struct Collected(Arc<Mutex<Vec<u8>>>);

impl Collected {
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
