//! ElastiCache's snapshot and maintenance windows.

const DAY: u32 = 24 * 60;
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A window of every day or week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first minute, in minutes since the beginning of the day or week.
    begin: u32,
    minutes: u32,
}

impl Window {
    /// Parses a daily window such as `05:00-06:00`.
    pub fn daily(text: &str) -> Option<Self> {
        let (begin, end) = text.split_once('-')?;
        Some(Self::between(time(begin)?, time(end)?, DAY))
    }

    /// Parses a weekly window such as `sun:05:00-sun:06:00`.
    pub fn weekly(text: &str) -> Option<Self> {
        let (begin, end) = text.split_once('-')?;
        Some(Self::between(
            weekly_time(begin)?,
            weekly_time(end)?,
            7 * DAY,
        ))
    }

    fn between(begin: u32, end: u32, cycle: u32) -> Self {
        Self {
            begin,
            minutes: (end + cycle - begin) % cycle,
        }
    }

    /// Returns the length.
    pub const fn minutes(&self) -> u32 {
        self.minutes
    }

    /// Returns whether this daily window overlaps a weekly one.
    pub fn overlaps_weekly(&self, weekly: &Self) -> bool {
        // Checks every minute of the weekly window, so that midnight isn't a special case.
        (0..weekly.minutes).any(|minute| {
            let minute = (weekly.begin + minute) % DAY;
            (minute + DAY - self.begin) % DAY < self.minutes
        })
    }
}

fn time(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let is_two_digits =
        |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_two_digits(hour) || !is_two_digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn weekly_time(text: &str) -> Option<u32> {
    let (day, time_of_day) = text.split_once(':')?;
    let day = DAYS.iter().position(|name| *name == day)?;
    Some(u32::try_from(day).ok()? * DAY + time(time_of_day)?)
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn detects_overlap_of_daily_and_weekly_window() {
        let cases = [
            ("05:00-06:00", "sun:05:30-sun:06:30", true),
            ("05:00-06:00", "sun:06:00-sun:07:00", false),
            ("23:30-00:30", "tue:00:00-tue:01:00", true),
            ("03:00-04:00", "sat:23:30-sun:03:30", true),
            ("03:00-04:00", "sat:23:30-sun:00:30", false),
        ];
        for (daily, weekly, expected) in cases {
            let daily = Window::daily(daily).expect("a window");
            let found = daily.overlaps_weekly(&Window::weekly(weekly).expect("a window"));
            assert_eq!(found, expected, "{daily:?} and {weekly}");
        }
    }

    #[test]
    fn returns_none_for_invalid_windows() {
        for text in ["", "5-6", "25:00-26:00", "05:00"] {
            assert_eq!(Window::daily(text), None, "{text}");
        }
        assert_eq!(Window::weekly("someday:05:00-someday:06:00"), None);
    }
}
