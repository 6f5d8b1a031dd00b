//! A small JPEG of the first picture of a segment, for lists and the timeline. Blocking, like all of FFmpeg.

use super::remux::{RemuxError, prepare};
use ffmpeg::format::Pixel;
use ffmpeg::format::context::StreamIo;
use ffmpeg::software::scaling;
use ffmpeg::{Packet, codec, decoder, format, frame, media};
use ffmpeg_next as ffmpeg;
use std::io::Cursor;

/// Width of a thumbnail in pixels; the height follows the picture.
pub const WIDTH: u32 = 320;

fn failed(doing: &'static str) -> impl FnOnce(ffmpeg::Error) -> RemuxError {
    move |source| RemuxError::Media { doing, source }
}

/// The first picture of a segment that follows the init section `init`, as JPEG bytes.
pub fn jpeg(init: &[u8], segment: &[u8]) -> Result<Vec<u8>, RemuxError> {
    prepare();
    let bytes = [init, segment].concat();
    let io = StreamIo::from_read_seek(Cursor::new(bytes)).map_err(failed("preparing to read"))?;
    let mut input =
        format::input_from_stream(io, Some("segment.mp4"), None).map_err(failed("opening a segment"))?;
    let picture = first_picture(&mut input)?;
    encode(&scale(&picture)?)
}

fn first_picture(input: &mut format::context::Input) -> Result<frame::Video, RemuxError> {
    let stream = input.streams().best(media::Type::Video).ok_or(RemuxError::Empty)?;
    let index = stream.index();
    let context =
        codec::Context::from_parameters(stream.parameters()).map_err(failed("reading a stream's head"))?;
    let mut decoder = context.decoder().video().map_err(failed("opening the decoder"))?;
    let mut packet = Packet::empty();
    while packet.read(input).is_ok() {
        if packet.stream() != index {
            continue;
        }
        // a damaged packet may be followed by a good one
        if decoder.send_packet(&packet).is_ok()
            && let Some(picture) = receive(&mut decoder)
        {
            return Ok(picture);
        }
    }
    decoder.send_eof().map_err(failed("decoding"))?;
    receive(&mut decoder).ok_or(RemuxError::Empty)
}

fn receive(decoder: &mut decoder::Video) -> Option<frame::Video> {
    let mut picture = frame::Video::empty();
    decoder.receive_frame(&mut picture).ok().map(|()| picture)
}

fn scale(picture: &frame::Video) -> Result<frame::Video, RemuxError> {
    let (width, height) = (picture.width().max(1), picture.height().max(1));
    // even numbers: the chroma planes are half as large
    let scaled = (WIDTH.saturating_mul(height) / width).clamp(2, WIDTH * 4) & !1;
    let flags = scaling::Flags::BILINEAR;
    let mut scaler =
        scaling::Context::get(picture.format(), width, height, Pixel::YUVJ420P, WIDTH, scaled, flags)
            .map_err(failed("preparing to scale"))?;
    let mut small = frame::Video::empty();
    scaler.run(picture, &mut small).map_err(failed("scaling"))?;
    small.set_pts(Some(0));
    Ok(small)
}

fn encode(picture: &frame::Video) -> Result<Vec<u8>, RemuxError> {
    let missing = ffmpeg::Error::EncoderNotFound;
    let codec =
        codec::encoder::find(codec::Id::MJPEG).ok_or(missing).map_err(failed("finding the encoder"))?;
    let mut settings =
        codec::Context::new_with_codec(codec).encoder().video().map_err(failed("the encoder"))?;
    settings.set_width(picture.width());
    settings.set_height(picture.height());
    settings.set_format(Pixel::YUVJ420P);
    settings.set_time_base((1, 25));
    let mut encoder = settings.open().map_err(failed("opening the encoder"))?;
    encoder.send_frame(picture).map_err(failed("encoding"))?;
    encoder.send_eof().map_err(failed("encoding"))?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(failed("encoding"))?;
    packet.data().map(<[u8]>::to_vec).ok_or(RemuxError::Empty)
}
