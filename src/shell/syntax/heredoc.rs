//! Documents that stand in the script itself.

use super::reader::{Outcome, Reader, Trouble};
use super::{Part, Word};

impl Reader {
    /// Reads the documents that begin on this line.
    pub(super) fn read_documents(&mut self) -> Outcome<()> {
        for document in std::mem::take(&mut self.documents) {
            let first_line = self.line;
            let mut body = String::new();
            loop {
                if self.peek().is_none() {
                    return Err(Trouble::Incomplete("here-document"));
                }
                let mut line = String::new();
                while let Some(c) = self.peek() {
                    self.next();
                    if c == '\n' {
                        break;
                    }
                    line.push(c);
                }
                let line = if document.strip {
                    line.trim_start_matches('\t')
                } else {
                    &line
                };
                if line == document.end {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            let word: Word = if document.quoted {
                vec![Part::Quoted(body)]
            } else {
                let mut inner = Reader::new(&body, first_line);
                inner.double = true;
                vec![Part::Double(inner.quoted_parts(None)?)]
            };
            let _ = document.body.set(word);
        }
        Ok(())
    }
}
