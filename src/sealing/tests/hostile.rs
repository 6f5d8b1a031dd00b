//! A bidder's program that does not keep to the format. It knows every secret of its own bid, signs with its own real key,
//! and mends every hash and sum that would give it away. For tests of what becomes of such bids.

use crate::sealing::bid_document::Form;
use crate::sealing::boxes::share_boxes;
use crate::sealing::command::BidParameters;
use crate::sealing::document::Bytes;
use crate::sealing::keys::{Draw, Secret, payload_aad, payload_key};
use crate::sealing::manifest::Client;
use crate::sealing::seal::{Content, FileToSeal, SealedBid, seal_drawn};
use crate::sealing::shamir::{Share, mul, split};
use crate::sealing::signature::Signer;
use crate::sealing::stream::{StreamOpener, StreamSealer, measure};
use std::io::{Cursor, Write};

/// The length of an archive's block.
pub const BLOCK: usize = 512;

/// A bid in the making, with its secrets.
pub struct Hostile {
    pub bid: SealedBid,
    pub ciphertext: Vec<u8>,
    draw: Draw,
}

impl Hostile {
    /// An honest bid of two files, for a start. `inner` signs the document inside.
    pub fn begin(parameters: &BidParameters, inner: &Signer) -> Self {
        let (letter, plan) = (b"price 4444444.44".to_vec(), vec![3; 5000]);
        let file = |name: &str, source| FileToSeal { name: name.into(), source };
        let draw = Draw::fresh(parameters.ctx.mode);
        let content = Content {
            ctx: &parameters.ctx,
            trustees: &parameters.trustees,
            files: &[file("letter.txt", &letter), file("plan.bin", &plan)],
            form: Form::from([("price".into(), "4444444.44".into())]),
            prev: parameters.prev.map(|prev| prev.0),
            signer: inner,
            client: Client { bundle: None, name: "hostile".into(), ver: "1".into() },
            created: crate::platform::moment::Moment::parse("2026-03-24T10:00:00+08:00").unwrap(),
        };
        let mut ciphertext = Vec::new();
        let bid = seal_drawn(&content, Cursor::new(&mut ciphertext), &draw).unwrap();
        Self { bid, ciphertext, draw }
    }

    fn key(&self) -> (Secret, Vec<u8>) {
        let c = self.bid.manifest.ctx.hash();
        (payload_key(&c, &self.draw.k_t, self.draw.k_b.as_ref()), payload_aad(&c).to_vec())
    }

    /// Puts another plaintext under the bid's own key.
    pub fn rewritten(self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let (key, aad) = self.key();
        let mut plain = Vec::new();
        let mut stream = StreamOpener::new(self.ciphertext.as_slice(), &key, &aad).unwrap();
        std::io::copy(&mut stream, &mut plain).unwrap();
        stream.finish().unwrap();
        change(&mut plain);
        let mut stream = StreamSealer::new(Cursor::new(Vec::new()), &key, &aad, &[4; 32], [5; 7], 0).unwrap();
        stream.write_all(&plain).unwrap();
        let (ciphertext, _) = stream.finish(&[]).unwrap();
        self.of_bytes(ciphertext.into_inner())
    }

    /// Names other bytes as this bid's ciphertext.
    pub fn of_bytes(mut self, ciphertext: Vec<u8>) -> Self {
        let measured = measure(ciphertext.as_slice()).unwrap();
        self.bid.manifest.ct.root = Bytes(measured.root);
        self.bid.manifest.ct.size.0 = measured.size;
        self.ciphertext = ciphertext;
        self
    }

    /// Deals shares of which 1 and 2 give the committed key, and 1 and 3 another: the price could be chosen later.
    pub fn with_two_keys(mut self, parameters: &BidParameters) -> Self {
        let c = self.bid.manifest.ctx.hash();
        let first = split(&c, &self.draw.k_t, 2, 3).unwrap();
        let other = Secret([0x5b; 32]);
        let mut third = Secret([0; 32]);
        // the line through share 1 with the other key at 0, at 3
        for (at, byte) in third.0.iter_mut().enumerate() {
            *byte = mul(3, first[0].y.0[at] ^ other.0[at]) ^ other.0[at];
        }
        let dealt = [first[0].clone(), first[1].clone(), Share { i: 3, y: third }];
        let boxes = share_boxes(&c, &self.draw.k_t, &dealt, &parameters.trustees.box_keys()).unwrap();
        self.bid.manifest.lock.boxes = boxes.into_iter().map(Bytes).collect();
        self
    }

    /// Signs what came of it, and so stands by it.
    pub fn signed(mut self, outer: &Signer) -> Self {
        self.bid.signature = outer.sign(&self.bid.manifest.message()).unwrap();
        self
    }
}

/// Where the first file's header stands in an archive.
pub fn first_file(plain: &[u8]) -> usize {
    let size = std::str::from_utf8(&plain[124..135]).unwrap();
    BLOCK + usize::from_str_radix(size, 8).unwrap().next_multiple_of(BLOCK)
}

/// Makes the check sum of the header at `at` right again.
pub fn mend(plain: &mut [u8], at: usize) {
    plain[at + 148..at + 156].copy_from_slice(b"        ");
    let sum: u32 = plain[at..at + BLOCK].iter().map(|&byte| u32::from(byte)).sum();
    plain[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
