//! Frames: their heads, their bodies, and how they are written.

use bytes::{Buf, BufMut, BytesMut};

use super::Fault;

/// The version of the protocol, as frames say it.
const VERSION: u16 = 3;

/// How large the body of a control frame may be.
pub const CONTROL_BYTES_MAX: usize = 64 * 1024;

/// The length of a head.
pub const HEAD_BYTES: usize = 8;

/// The flag of a stream's last frame.
pub const FIN: u8 = 1;

/// The setting that says how large windows are at first.
const INITIAL_WINDOW: u32 = 7;

/// Why a stream is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reset {
    /// It does not keep to the protocol.
    Protocol = 1,
    /// There is no such stream.
    Invalid = 2,
    /// It is not wanted.
    Refused = 3,
    /// Nobody needs it any more.
    Cancel = 5,
    /// It sends more than its window.
    FlowControl = 7,
}

/// The first bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Data of a stream follow.
    Data {
        /// Which stream.
        id: u32,
        /// Whether they are its last.
        is_last: bool,
        /// How many.
        length: usize,
    },
    /// A control frame follows.
    Control {
        /// What it is.
        kind: u16,
        /// Its flags.
        flags: u8,
        /// How long its body is.
        length: usize,
    },
}

impl Head {
    /// Reads a head.
    pub fn parse(bytes: [u8; HEAD_BYTES]) -> Result<Self, Fault> {
        let mut bytes = &bytes[..];
        let (first, second) = (bytes.get_u32(), bytes.get_u32());
        let (flags, length) = ((second >> 24) as u8, (second & 0x00ff_ffff) as usize);
        if first & 0x8000_0000 == 0 {
            let (id, is_last) = (first, flags & FIN != 0);
            return Ok(Self::Data {
                id,
                is_last,
                length,
            });
        }
        if (first >> 16) as u16 & 0x7fff != VERSION {
            return Err(Fault::Protocol("a frame of another version"));
        }
        if length > CONTROL_BYTES_MAX {
            return Err(Fault::Protocol("a control frame that is too large"));
        }
        let kind = (first & 0xffff) as u16;
        Ok(Self::Control {
            kind,
            flags,
            length,
        })
    }
}

/// A control frame of the other side. Header blocks are still compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// A stream begins.
    Open {
        /// Which.
        id: u32,
        /// Whether nothing more will come of it.
        is_last: bool,
        /// Its headers.
        block: Vec<u8>,
    },
    /// More headers of a stream, or the answer to one of ours.
    Headers {
        /// Which stream.
        id: u32,
        /// Whether nothing more will come of it.
        is_last: bool,
        /// The headers.
        block: Vec<u8>,
    },
    /// A stream is over.
    Reset {
        /// Which.
        id: u32,
    },
    /// Settings; the one that concerns us is how large windows are at first.
    Settings {
        /// What it says, if anything.
        initial_window: Option<u32>,
    },
    /// To be answered by the same.
    Ping(u32),
    /// The other side opens no more streams.
    GoAway,
    /// More may be sent.
    Window {
        /// On which stream; 0 for all together.
        id: u32,
        /// How much more.
        delta: u32,
    },
    /// What nobody knows is passed over.
    Unknown,
}

impl Control {
    /// Reads the body of a control frame.
    pub fn parse(kind: u16, flags: u8, mut body: &[u8]) -> Result<Self, Fault> {
        let is_last = flags & FIN != 0;
        let least = match kind {
            1 => 10,
            2 | 4 | 6 | 8 => 4,
            3 | 7 | 9 => 8,
            _ => 0,
        };
        if body.len() < least {
            return Err(Fault::Protocol("a control frame that is too short"));
        }
        let id = |word: u32| word & 0x7fff_ffff;
        Ok(match kind {
            1 => {
                let id = id(body.get_u32());
                // What it belongs to, its priority and its slot concern nobody here.
                body.advance(6);
                let block = body.to_vec();
                Self::Open { id, is_last, block }
            }
            2 | 8 => {
                let id = id(body.get_u32());
                let block = body.to_vec();
                Self::Headers { id, is_last, block }
            }
            3 => Self::Reset {
                id: id(body.get_u32()),
            },
            4 => settings(body)?,
            6 => Self::Ping(body.get_u32()),
            7 => Self::GoAway,
            9 => Self::Window {
                id: id(body.get_u32()),
                delta: body.get_u32() & 0x7fff_ffff,
            },
            _ => Self::Unknown,
        })
    }
}

fn settings(mut body: &[u8]) -> Result<Control, Fault> {
    let count = body.get_u32() as usize;
    if count > body.len() / 8 {
        return Err(Fault::Protocol("settings that are not all there"));
    }
    let mut initial_window = None;
    for _ in 0..count {
        let (id, value) = (body.get_u32() & 0x00ff_ffff, body.get_u32());
        if id == INITIAL_WINDOW {
            initial_window = Some(value);
        }
    }
    Ok(Control::Settings { initial_window })
}

/// A control frame's head.
fn put_control(out: &mut BytesMut, kind: u16, flags: u8, length: usize) {
    out.put_u16(0x8000 | VERSION);
    out.put_u16(kind);
    out.put_u32(u32::from(flags) << 24 | length as u32);
}

/// Writes the answer to a stream that was opened.
pub(super) fn put_reply(out: &mut BytesMut, id: u32, block: &[u8]) {
    put_control(out, 2, 0, 4 + block.len());
    out.put_u32(id);
    out.put_slice(block);
}

/// Writes the end of a stream.
pub(super) fn put_reset(out: &mut BytesMut, id: u32, why: Reset) {
    put_control(out, 3, 0, 8);
    out.put_u32(id);
    out.put_u32(why as u32);
}

/// Writes the answer to a ping.
pub(super) fn put_ping(out: &mut BytesMut, id: u32) {
    put_control(out, 6, 0, 4);
    out.put_u32(id);
}

/// Writes that no more streams are wanted after the last that was.
pub(super) fn put_go_away(out: &mut BytesMut, last: u32, is_fault: bool) {
    put_control(out, 7, 0, 8);
    out.put_u32(last);
    out.put_u32(is_fault.into());
}

/// Writes that more may be sent.
pub(super) fn put_window(out: &mut BytesMut, id: u32, delta: u32) {
    put_control(out, 9, 0, 8);
    out.put_u32(id);
    out.put_u32(delta);
}

/// Writes data.
pub(super) fn put_data(out: &mut BytesMut, id: u32, data: &[u8], is_last: bool) {
    let flags = if is_last { FIN } else { 0 };
    out.put_u32(id);
    out.put_u32(u32::from(flags) << 24 | data.len() as u32);
    out.put_slice(data);
}
