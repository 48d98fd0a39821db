"""What each model accepts, as tables, and the generic walk that turns parameters into a job request. No I/O here.

    image, video, audio     the tables: families of models, each a row of ids and layers
    wan, ltx, vendor, h3, flashvsr, native, workflows, sam3, shared    parts of the tables
    fields, texts, sizes, clip, slots, nested    the words of the tables: how one parameter is checked and written
    checks                  the words for what has to hold between parameters
    row, rule, draft        what words are made of, how layers become a rule, a request while it is built
    build                   the walk: parameters, rule and options to a `JobPlan`
    options, estimate, frames, sniff, kinds, assets, attribution, mask    what else can be told without asking anybody

A new model of a family that is there: add its id to the row of the family. A new family: add a `Family` to the table,
with a `Layer` whose fields replace those of the base table for the same parameters. A new parameter: a field in the
base table and an attribute in `sogni.types.params`. Only what no word can say needs a new word, a class of its own.
"""
