//! Windows of time, as ElastiCache writes them. Pure.

const DAY: u32 = 24 * 60;
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A window: its first minute of the day or week, and its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    begin: u32,
    minutes: u32,
}

impl Window {
    /// Reads `05:00-06:00`; none for anything else.
    pub fn daily(text: &str) -> Option<Self> {
        let (begin, end) = text.split_once('-')?;
        Some(Self::between(time(begin)?, time(end)?, DAY))
    }

    /// Reads `sun:05:00-sun:06:00`; none for anything else.
    pub fn weekly(text: &str) -> Option<Self> {
        let (begin, end) = text.split_once('-')?;
        Some(Self::between(moment(begin)?, moment(end)?, 7 * DAY))
    }

    fn between(begin: u32, end: u32, cycle: u32) -> Self {
        Self {
            begin,
            minutes: (end + cycle - begin) % cycle,
        }
    }

    /// Its length.
    pub const fn minutes(&self) -> u32 {
        self.minutes
    }

    /// Whether this window of every day meets that one of the week.
    pub fn meets_daily(&self, weekly: &Self) -> bool {
        // A minute of the week, once round: both are short, and midnight needs no case of its own.
        (0..weekly.minutes).any(|minute| {
            let minute = (weekly.begin + minute) % DAY;
            (minute + DAY - self.begin) % DAY < self.minutes
        })
    }
}

fn time(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn moment(text: &str) -> Option<u32> {
    let (day, at) = text.split_once(':')?;
    let day = DAYS.iter().position(|name| *name == day)?;
    Some(u32::try_from(day).ok()? * DAY + time(at)?)
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn windows_meet_or_do_not() {
        let cases = [
            ("05:00-06:00", "sun:05:30-sun:06:30", true),
            ("05:00-06:00", "sun:06:00-sun:07:00", false),
            ("23:30-00:30", "tue:00:00-tue:01:00", true),
            ("03:00-04:00", "sat:23:30-sun:03:30", true),
            ("03:00-04:00", "sat:23:30-sun:00:30", false),
        ];
        for (daily, weekly, expected) in cases {
            let daily = Window::daily(daily).expect("a window");
            let found = daily.meets_daily(&Window::weekly(weekly).expect("a window"));
            assert_eq!(found, expected, "{daily:?} and {weekly}");
        }
    }

    #[test]
    fn what_is_no_window_is_none() {
        for text in ["", "5-6", "25:00-26:00", "05:00"] {
            assert_eq!(Window::daily(text), None, "{text}");
        }
        assert_eq!(Window::weekly("someday:05:00-someday:06:00"), None);
    }
}
