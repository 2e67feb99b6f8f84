//! Means of measurements, and counts.

/// Returns the mean, or 0 without values.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / number(values.len())
}

/// Returns a count as a floating-point number.
pub fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Returns the digits of a count with a comma before each group of three.
pub fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, mean};

    #[test]
    fn digits_are_grouped() {
        for text in ["7", "999", "25,000", "1,234,567"] {
            assert_eq!(grouped(&text.replace(',', "")), text);
        }
    }

    #[test]
    fn mean_is_zero_without_values() {
        assert_eq!(mean(&[]).to_string(), "0");
        assert_eq!(mean(&[1.0, 2.0, 6.0]).to_string(), "3");
    }
}
