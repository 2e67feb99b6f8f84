//! Prints the table of expected and current values.

use local::reference::Row;

/// Prints the table. Returns whether all current values match the expected ones.
pub fn print(rows: &[Row]) -> bool {
    println!("      {:<24} {:<58} current", "", "expected");
    for row in rows {
        let (mark, current) = match &row.current {
            Some(current) if row.matches() => ("✓", shorten(current)),
            Some(current) => ("✗", shorten(current)),
            None => ("✗", "nothing".to_owned()),
        };
        println!(
            "    {mark} {:<24} {:<58} {current}",
            row.property,
            shorten(&row.expected)
        );
    }
    let differing = rows.iter().filter(|row| !row.matches()).count();
    println!("    {} match, {differing} differ", rows.len() - differing);
    differing == 0
}

/// Cuts a text to the width of a column.
fn shorten(text: &str) -> String {
    const WIDTH: usize = 58;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}
