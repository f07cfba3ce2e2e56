//! The little of DER that keys and certificates need: elements one after the other.
//!
//! *Upstream:* `encoding/asn1`, `crypto/x509`.

/// Reads the elements of a DER text one by one.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

/// An element.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: u8,
    /// What is in it.
    pub content: &'a [u8],
    /// All of it, tag and length included.
    pub whole: &'a [u8],
}

/// SEQUENCE
pub const SEQUENCE: u8 = 0x30;
/// SET
pub const SET: u8 = 0x31;
/// INTEGER
pub const INTEGER: u8 = 0x02;
/// BIT STRING
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER
pub const OBJECT_ID: u8 = 0x06;

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The next element where it has this tag; otherwise nothing is read.
    pub fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        (self.0.first() == Some(&tag))
            .then(|| self.next())
            .flatten()
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Element<'a>;

    /// The next element; `None` at the end, or where there is no whole one.
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 || rest.len() < count {
                return None;
            }
            let (digits, rest) = rest.split_at(count);
            let length = digits
                .iter()
                .fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
            (length, rest)
        };
        if rest.len() < length {
            return None;
        }
        let (content, after) = rest.split_at(length);
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Some(Element {
            tag,
            content,
            whole,
        })
    }
}

impl<'a> Element<'a> {
    /// The elements in it.
    pub fn inside(&self) -> Reader<'a> {
        Reader(self.content)
    }

    /// The text of a string element.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.content).into_owned()
    }

    /// The bytes of a bit string, which has whole bytes.
    pub fn bits(&self) -> Option<&'a [u8]> {
        let (unused, bytes) = self.content.split_first()?;
        (self.tag == BIT_STRING && *unused == 0).then_some(bytes)
    }

    /// The bytes of a positive integer, without the sign's.
    pub fn unsigned(&self) -> &'a [u8] {
        match self.content {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
    }
}

/// An INTEGER of a number without a sign, of its bytes.
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    // A first bit that is set would make it negative, and nothing at all is no number.
    let needs_zero = digits.first().is_none_or(|first| first & 0x80 != 0);
    encode(INTEGER, &[if needs_zero { &[0] } else { &[] }, digits])
}

/// An element of these parts.
pub fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    if content.len() < 0x80 {
        out.push(content.len() as u8);
    } else {
        let digits = content.len().to_be_bytes();
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        out.push(0x80 | (digits.len() - zeros) as u8);
        out.extend_from_slice(&digits[zeros..]);
    }
    out.extend(content);
    out
}

/// The parts of a certificate that say whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// What is signed.
    pub signed: Element<'a>,
    /// Who signed it.
    pub issuer: Element<'a>,
    /// From when to when it holds.
    pub validity: Element<'a>,
    /// Whose it is.
    pub subject: Element<'a>,
    /// Their public key: a `SubjectPublicKeyInfo`.
    pub key: Element<'a>,
    /// The identifier of the signature's algorithm.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(der).expect(SEQUENCE)?.inside();
        let signed = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.inside().expect(OBJECT_ID)?.content;
        let signature = outer.next()?.bits()?;
        let mut inner = signed.inside();
        inner.optional(0xa0);
        inner.expect(INTEGER)?;
        inner.expect(SEQUENCE)?;
        Some(Self {
            signed,
            issuer: inner.expect(SEQUENCE)?,
            validity: inner.expect(SEQUENCE)?,
            subject: inner.expect(SEQUENCE)?,
            key: inner.expect(SEQUENCE)?,
            algorithm,
            signature,
        })
    }
}

/// The values of an attribute of a name (`CN`, `O`), by the last bytes of its identifier under
/// `2.5.4`, in order.
pub fn attributes(name: Element, last: u8) -> Vec<String> {
    let wanted = [0x55, 0x04, last];
    let mut found = Vec::new();
    for set in name.inside() {
        for pair in set.inside() {
            let mut pair = pair.inside();
            let (Some(id), Some(value)) = (pair.next(), pair.next()) else {
                continue;
            };
            if id.content == wanted {
                found.push(value.text());
            }
        }
    }
    found
}

/// The identifier of common names under `2.5.4`.
pub const COMMON_NAME: u8 = 3;
/// The identifier of organizations under `2.5.4`.
pub const ORGANIZATION: u8 = 10;
