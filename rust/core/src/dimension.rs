//! What a rule counts.

/// A countable quantity of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Requests sent, cache hits included.
    Requests,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
    /// Tokens in and out.
    TotalTokens,
    /// Money, in nano-USD.
    Usd,
    /// Requests running at once: held until settled, never refilled.
    Concurrency,
}

impl Dimension {
    /// All dimensions, in the order of [`Units`].
    pub const ALL: [Self; 6] =
        [Self::Requests, Self::InputTokens, Self::OutputTokens, Self::TotalTokens, Self::Usd, Self::Concurrency];

    /// The word that users write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::TotalTokens => "total_tokens",
            Self::Usd => "usd",
            Self::Concurrency => "concurrency",
        }
    }

    /// The dimension of a word; `request` and `USD` are read too.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "request" => Some(Self::Requests),
            "USD" => Some(Self::Usd),
            _ => Self::ALL.into_iter().find(|dimension| dimension.as_str() == word),
        }
    }
}

/// An amount in every dimension. Counts are in units, money in nano-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Units(pub [i64; 6]);

impl Units {
    /// The amount in one dimension.
    pub fn get(&self, dimension: Dimension) -> i64 {
        let [requests, input, output, total, usd, concurrency] = self.0;
        match dimension {
            Dimension::Requests => requests,
            Dimension::InputTokens => input,
            Dimension::OutputTokens => output,
            Dimension::TotalTokens => total,
            Dimension::Usd => usd,
            Dimension::Concurrency => concurrency,
        }
    }

    /// The same units with one dimension changed.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, amount: i64) -> Self {
        let index = match dimension {
            Dimension::Requests => 0,
            Dimension::InputTokens => 1,
            Dimension::OutputTokens => 2,
            Dimension::TotalTokens => 3,
            Dimension::Usd => 4,
            Dimension::Concurrency => 5,
        };
        if let Some(slot) = self.0.get_mut(index) {
            *slot = amount;
        }
        self
    }
}
