-- The private certificate authority of an account's upstream: PEM, trusted in place of the public ones; null is the public ones.
-- The version before this one does not know the column and reads and writes accounts as it did.

alter table accounts add column ca text;
