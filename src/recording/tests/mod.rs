//! Tests of the recording room. The media are real: `media/samples` holds what Chromium's MediaRecorder gave for a
//! fake camera and a shared tab, blob by blob (each with its length in front, four bytes, big-endian).

mod chain;
mod chromium;
mod media;
mod pages;
mod room;
mod rules;

use super::testing::sample;
