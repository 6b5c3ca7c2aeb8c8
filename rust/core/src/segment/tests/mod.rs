//! Each structure against its peer in std, kills at every store, and damaged words.
