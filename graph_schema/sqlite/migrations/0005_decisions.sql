-- Which decisions name an identifier.

CREATE TABLE decision_key (
    key      TEXT NOT NULL,
    decision TEXT NOT NULL,
    PRIMARY KEY (key, decision)
) WITHOUT ROWID;
INSERT OR IGNORE INTO decision_key (key, decision)
SELECT named.value, d.id FROM decision AS d, json_each(json_array(json(d.lefts), json(d.rights))) AS side,
    json_each(side.value) AS named;
