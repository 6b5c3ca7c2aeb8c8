//! The structural head in numbers; written by `training/train.py`, do not edit.

pub const INTERCEPT: f64 = 0.0;
pub const QUANTILES: [f64; 2] = [0.0, 1.0];
pub const SUCCESS: [f64; 2] = [1.0, 0.0];
pub const WEIGHTS: [f64; 18] = [0.0; 18];
pub const CENTER: [f64; 18] = [0.0; 18];
pub const LOW: [f64; 18] = [0.0; 18];
pub const HIGH: [f64; 18] = [1.0; 18];
