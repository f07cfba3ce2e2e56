//! Header blocks: names and values, compressed by zlib against a dictionary of the protocol, all
//! blocks of one direction being one compressed stream.

use bytes::Buf;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::{Fault, dictionary};

/// How large a block may be, decompressed.
const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// How many headers a block may have, counted by their values.
const HEADERS_MAX: usize = 1000;

/// How long a header's name may be.
const NAME_BYTES_MAX: usize = 1024;

/// What is looked back at.
const WINDOW_BYTES: usize = 32 * 1024;

/// zlib's first two bytes where a dictionary follows.
const ZLIB_HEAD: [u8; 2] = [0x78, 0xbb];

/// What ends a block that is flushed: another one, stored and empty.
const FLUSH: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// Names and values in order.
pub type Headers = Vec<(String, String)>;

/// Decompresses the blocks of a connection, one after the other.
pub struct Inflater {
    state: DecompressorOxide,
    window: Vec<u8>,
    position: usize,
    has_begun: bool,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Default for Inflater {
    fn default() -> Self {
        let mut window = dictionary::bytes();
        let position = window.len();
        window.resize(WINDOW_BYTES, 0);
        Self {
            state: DecompressorOxide::new(),
            window,
            position,
            has_begun: false,
        }
    }
}

impl Inflater {
    /// The headers of a block. After an error the connection is of no more use: what follows
    /// cannot be decompressed.
    pub fn headers(&mut self, block: &[u8]) -> Result<Headers, Fault> {
        parse(&self.inflate(block)?)
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, Fault> {
        const BROKEN: Fault = Fault::Protocol("headers that cannot be decompressed");
        if !self.has_begun {
            let head = block.split_first_chunk::<6>();
            let Some(([method, flags, id @ ..], rest)) = head else {
                return Err(BROKEN);
            };
            let is_zlib = method & 15 == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0;
            if !is_zlib || flags & 0x20 == 0 || u32::from_be_bytes(*id) != dictionary::ID {
                return Err(BROKEN);
            }
            block = rest;
            self.has_begun = true;
        }
        let mut out = Vec::new();
        loop {
            let flags = TINFL_FLAG_HAS_MORE_INPUT;
            let at = self.position;
            let (status, read, written) =
                decompress(&mut self.state, block, &mut self.window, at, flags);
            block = &block[read..];
            out.extend_from_slice(&self.window[at..at + written]);
            self.position = (at + written) % WINDOW_BYTES;
            if out.len() > BLOCK_BYTES_MAX {
                return Err(Fault::Protocol("headers that are too large"));
            }
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if block.is_empty() => return Ok(out),
                _ => return Err(BROKEN),
            }
        }
    }
}

/// Reads a decompressed block.
pub fn parse(mut block: &[u8]) -> Result<Headers, Fault> {
    const SHORT: Fault = Fault::Protocol("headers that are not all there");
    let number = |block: &mut &[u8]| block.try_get_u32().map(|number| number as usize);
    let text = |block: &mut &[u8]| {
        let length = number(block).ok()?;
        let (text, rest) = block.split_at_checked(length)?;
        *block = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let count = number(&mut block).map_err(|_| SHORT)?;
    if count > HEADERS_MAX {
        return Err(Fault::Protocol("too many headers"));
    }
    let mut out = Headers::new();
    for _ in 0..count {
        let name = text(&mut block).ok_or(SHORT)?;
        let values = text(&mut block).ok_or(SHORT)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Fault::Protocol("a header whose name is too long"));
        }
        for value in values.split('\0') {
            // Many empty values take little room where they come from, and much here.
            if out.len() == HEADERS_MAX {
                return Err(Fault::Protocol("too many headers"));
            }
            out.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }
    Ok(out)
}

/// Makes header blocks. Ours are short, so they are stored as they are, in compression's clothes.
#[derive(Debug, Default)]
pub struct Deflater {
    has_begun: bool,
}

impl Deflater {
    /// A block of these headers.
    pub fn block(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = Vec::new();
        let put = |plain: &mut Vec<u8>, text: &str| {
            plain.extend((text.len() as u32).to_be_bytes());
            plain.extend(text.as_bytes());
        };
        plain.extend((headers.len() as u32).to_be_bytes());
        for (name, value) in headers {
            put(&mut plain, name);
            put(&mut plain, value);
        }
        let mut out = Vec::new();
        if !self.has_begun {
            out.extend(ZLIB_HEAD);
            out.extend(dictionary::ID.to_be_bytes());
            self.has_begun = true;
        }
        for piece in plain.chunks(usize::from(u16::MAX)) {
            let length = piece.len() as u16;
            out.push(0);
            out.extend(length.to_le_bytes());
            out.extend((!length).to_le_bytes());
            out.extend(piece);
        }
        // Go's decompressor hands nothing over before it sees what zlib's flush ends with.
        out.extend(FLUSH);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_decompressed() {
        let (mut deflater, mut inflater) = (Deflater::default(), Inflater::default());
        for round in 0..5000 {
            let number = round.to_string();
            let headers = [("streamtype", "error"), ("port", number.as_str())];
            let block = deflater.block(&headers);
            let read = inflater.headers(&block).unwrap();
            let read: Vec<(&str, &str)> = read.iter().map(|(a, b)| (&a[..], &b[..])).collect();
            assert_eq!(read, headers);
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_dictionary() {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in dictionary::bytes() {
            a = (a + u32::from(byte)) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!(b << 16 | a, dictionary::ID);
    }

    /// A block as zlib's compressor makes it: against the dictionary, flushed.
    #[test]
    fn what_zlib_compresses_is_read() {
        let block = [
            0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2, 0x02, 0xe5, 0x0e, 0x70, 0x3a, 0x2b, 0x29, 0x4a,
            0x4d, 0xcc, 0x85, 0x16, 0x25, 0xc0, 0x14, 0x9b, 0x92, 0x0f, 0x2e, 0x88, 0xd1, 0x0b,
            0x19, 0x2e, 0x84, 0xeb, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
        ];
        let read = Inflater::default().headers(&block).unwrap();
        let expected = [("streamtype", "stdout"), ("content-type", "text/plain")];
        let read: Vec<(&str, &str)> = read.iter().map(|(a, b)| (&a[..], &b[..])).collect();
        assert_eq!(read, expected);
    }
}
