//! Prints to standard output and standard error, and makes the printed text safe for a terminal.
//!
//! Names, causes, and messages come from AWS and from events, and can contain terminal escape sequences. Every line of
//! this program is printed by this module, which removes them. `main.rs` denies the `print!` macros.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// Prints exactly one line to standard output. Line breaks inside `text` become spaces. Ignores write errors so that a
/// closed pipe (`| head`) doesn't fail the command.
pub fn print_line(text: impl Display) {
    let _ = writeln!(stdout(), "{}", safe(&text.to_string()));
}

/// Prints exactly one line to standard error, as [`print_line`] does to standard output.
pub fn print_error_line(text: impl Display) {
    let _ = writeln!(stderr(), "{}", safe(&text.to_string()));
}

/// Prints a question to standard error, without a line break. Standard output contains only the result.
pub fn print_question(text: impl Display) {
    let mut stderr = stderr();
    let _ = write!(stderr, "{}", safe(&text.to_string()));
    let _ = stderr.flush();
}

/// Prints one JSON text as one line to standard output. Its values stay the same, because unsafe characters are
/// escaped, not replaced.
pub fn print_json(json: impl Display) {
    let _ = writeln!(stdout(), "{}", escape_json(&json.to_string()));
}

/// Prints a text of this program, which can have several lines, unchanged. Never pass data to it.
pub fn print_own_text(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

/// Returns `text` as one line without characters that control a terminal. Replaces line breaks and tabs with a space,
/// and other control and bidirectional formatting characters with U+FFFD.
pub fn safe(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' | LINE_SEPARATOR | PARAGRAPH_SEPARATOR => ' ',
            character if is_unsafe(character) => char::REPLACEMENT_CHARACTER,
            character => character,
        })
        .collect()
}

/// Returns the same JSON with every unsafe character as a `\uXXXX` escape. `serde_json` escapes only those below
/// U+0020. The others occur only inside strings, where JSON allows the escape.
fn escape_json(json: &str) -> String {
    json.chars()
        .map(|character| {
            if is_unsafe(character) {
                // All of them are in the Basic Multilingual Plane, so four digits are enough.
                format!("\\u{:04x}", u32::from(character))
            } else {
                character.to_string()
            }
        })
        .collect()
}

/// Some programs break lines at these two characters.
const LINE_SEPARATOR: char = '\u{2028}';
const PARAGRAPH_SEPARATOR: char = '\u{2029}';

/// Returns whether a character can change how a terminal shows other text: control characters (C0, DEL, and C1),
/// line separators, and the characters that control the text direction
/// (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            LINE_SEPARATOR
                | PARAGRAPH_SEPARATOR
                | '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{escape_json, is_unsafe, safe};

    /// The case, the text, and the text that `safe` returns.
    const CASES: [(&str, &str, &str); 20] = [
        ("plain text", "bandup  available", "bandup  available"),
        (
            "umlauts, emoji, and arrows",
            "Zürich → 🚀 ✓ … 環境 café",
            "Zürich → 🚀 ✓ … 環境 café",
        ),
        (
            "an emoji of several characters",
            "👩\u{200d}💻 ❤\u{fe0f}",
            "👩\u{200d}💻 ❤\u{fe0f}",
        ),
        ("an empty text", "", ""),
        (
            "a color",
            "\x1b[31mred\x1b[0m",
            "\u{fffd}[31mred\u{fffd}[0m",
        ),
        ("a cleared screen", "\x1b[2J\x1b[H", "\u{fffd}[2J\u{fffd}[H"),
        (
            "an OSC 8 link",
            "\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\",
            "\u{fffd}]8;;https://example.com\u{fffd}\\here\u{fffd}]8;;\u{fffd}\\",
        ),
        (
            "a window title that ends with BEL",
            "\x1b]0;title\x07",
            "\u{fffd}]0;title\u{fffd}",
        ),
        ("CR", "available\rfailed", "available failed"),
        ("LF", "bandup\nother  available", "bandup other  available"),
        ("CR LF", "one\r\ntwo", "one  two"),
        ("a tab", "one\ttwo", "one two"),
        ("BS", "failed\x08\x08", "failed\u{fffd}\u{fffd}"),
        ("NUL, VT, and FF", "\0\x0b\x0c", "\u{fffd}\u{fffd}\u{fffd}"),
        ("DEL", "a\x7fb", "a\u{fffd}b"),
        ("CSI as one character", "\u{9b}31m", "\u{fffd}31m"),
        (
            "NEL and OSC as one character",
            "\u{85}\u{9d}",
            "\u{fffd}\u{fffd}",
        ),
        (
            "a bidirectional override",
            "\u{202e}dupnab\u{202c}",
            "\u{fffd}dupnab\u{fffd}",
        ),
        (
            "bidirectional isolates and marks",
            "\u{2066}\u{2069}\u{200e}\u{200f}\u{061c}",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
        ),
        ("line separators", "a\u{2028}b\u{2029}c", "a b c"),
    ];

    #[test]
    fn replaces_characters_that_control_a_terminal() {
        for (case, text, expected) in CASES {
            assert_eq!(safe(text), expected, "{case}");
            assert!(!safe(text).chars().any(is_unsafe), "{case}");
        }
    }

    #[test]
    fn escapes_json_without_changing_its_values() {
        for (case, text, _) in CASES {
            let value = json!({ text: [text, { "text": text }] });

            let escaped = escape_json(&value.to_string());

            assert!(!escaped.chars().any(is_unsafe), "{case}: {escaped:?}");
            let read: Value = serde_json::from_str(&escaped)
                .unwrap_or_else(|error| panic!("{case}: {error}: {escaped:?}"));
            assert_eq!(read, value, "{case}");
        }
    }

    #[test]
    fn leaves_json_without_unsafe_characters_unchanged() {
        let json = json!({ "text": "Zürich → 🚀 \"quoted\" \\" }).to_string();

        assert_eq!(escape_json(&json), json);
    }
}
