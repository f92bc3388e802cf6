-- What a worker found itself to take nothing for.

ALTER TABLE worker ADD COLUMN troubles TEXT;
