//! What is said of a token that does not fit, in the words of the parser generator upstream uses.
//!
//! *Upstream:* `antlr4`'s default error strategy over `cel-go/parser/gen/CEL.g4`.

use super::Issue;
use super::lexer::{Token, TokenKind};

/// The tokens that an expression can begin with.
pub(super) const OPERAND: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', \
                                  NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/// A token that cannot stand where it does.
pub(super) fn mismatched(found: &Token, expecting: &str) -> Issue {
    Issue::new(
        found.at,
        format!(
            "Syntax error: mismatched input {} expecting {expecting}",
            quoted(found.text)
        ),
    )
}

/// A token too many: what follows it would fit.
pub(super) fn extraneous(found: &Token, expecting: &str) -> Issue {
    Issue::new(
        found.at,
        format!(
            "Syntax error: extraneous input {} expecting {expecting}",
            quoted(found.text)
        ),
    )
}

/// A token that is not there, though the one that is would fit after it.
pub(super) fn missing(expected: &str, found: &Token) -> Issue {
    Issue::new(
        found.at,
        format!("Syntax error: missing {expected} at {}", quoted(found.text)),
    )
}

/// Tokens from which nothing can be made.
pub(super) fn no_viable(read: &str, found: &Token) -> Issue {
    Issue::new(
        found.at,
        format!(
            "Syntax error: no viable alternative at input {}",
            quoted(read)
        ),
    )
}

/// A token's text in quotes, line ends and tabs visible.
fn quoted(text: &str) -> String {
    let text = text
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t");
    format!("'{text}'")
}

/// Whether an expression can begin with a token.
pub(super) fn begins_operand(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Symbol(symbol) => matches!(symbol, "[" | "{" | "(" | "." | "-" | "!"),
        TokenKind::End | TokenKind::Quoted => false,
        _ => true,
    }
}
