"""Embed many recordings with Spark: one row for each, as Parquet.

pip install 'musicfeat[spark]'   # and Java 17 or newer
python spark_embed.py FOLDER OUTPUT
python spark_embed.py FOLDER OUTPUT spark://HOST:7077   # a cluster, whose machines see FOLDER under the same name
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType, StringType, StructField, StructType

from musicfeat import Extractor, MusicfeatError, __version__
from musicfeat.catalog.listing import find
from musicfeat.catalog.names import to_path, to_text

FILES_AT_ONCE = 64
FILES_PER_TASK = 1024
FOUND = StructType(
    [
        StructField("embedding", ArrayType(FloatType())),
        StructField("reversed", FloatType()),
        StructField("duration", FloatType()),
        StructField("error", StringType()),
    ]
)


def open_model() -> Callable[[np.ndarray], Any]:
    """Called in each of Spark's Python processes, once: a model does not travel, its options do."""
    extractor = Extractor(threads=1, outputs=["reversal"])

    def embed(paths: np.ndarray) -> list[dict[str, Any]]:
        return [row(found) for found in extractor.map(map(to_path, paths), decode_ahead=False)]

    return embed


def row(found: Any) -> dict[str, Any]:
    """The values of a recording, or why there are none: without null, which Spark takes from no model."""
    if isinstance(found, MusicfeatError):
        return {"embedding": np.zeros(0), "reversed": np.nan, "duration": np.nan, "error": str(found)}
    return {"embedding": found.embedding, "reversed": found.reversed, "duration": found.duration, "error": ""}


def main(folder: str, output: str, master: str = "local[*]") -> None:
    """Write ``path``, ``embedding``, ``reversed``, ``duration`` and ``error`` (empty if there is none) of each."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    paths = find([folder])
    spark = (
        SparkSession.builder.master(master)
        .appName(f"musicfeat {__version__}")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", FILES_AT_ONCE)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    tasks = max(spark.sparkContext.defaultParallelism, len(paths) // FILES_PER_TASK)
    embed = predict_batch_udf(open_model, return_type=FOUND, batch_size=FILES_AT_ONCE)
    files = spark.createDataFrame([(to_text(path),) for path in paths], "path string").repartition(tasks)
    files.select("path", embed("path").alias("found")).select("path", "found.*").write.parquet(output)
    failed = spark.read.parquet(output).where("error <> ''").count()
    print(f"{output}: {len(paths) - failed} files embedded, {failed} failed")
    spark.stop()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except MusicfeatError as error:
        sys.exit(str(error))
