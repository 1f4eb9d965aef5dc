/// The program that `spark-submit` is given: it makes the tables of a job one after the other, writes what is asked of
/// them as lines of text, and says in `status.json` how far it is. It knows nothing of claims or rules.
///
/// Nothing of it runs on executors but Spark's own operators, so they need no Python.
let sparkDriver = #"""
  """Runs a job of yijian: tables by SQL over Parquet files, outputs as tab-separated lines. usage: driver.py job.json"""

  import json
  import os
  import sys
  import threading
  import time


  class Job:
      def __init__(self, path):
          with open(path, encoding="utf-8") as file:
              self.data = json.load(file)
          self.work = self.data["work"]
          self.said = {}

      def say(self, **what):
          """Replaces status.json as a whole, so that no reader sees half of it."""
          self.said.update(what)
          path = os.path.join(self.work, "status.json")
          with open(path + ".new", "w", encoding="utf-8") as file:
              json.dump(self.said, file)
          os.replace(path + ".new", path)

      def watch(self):
          """Ends with the process that submitted the job."""
          pid = self.data["parent"]

          def look():
              while True:
                  time.sleep(2)
                  try:
                      os.kill(pid, 0)
                  except ProcessLookupError:
                      os._exit(4)
                  except PermissionError:
                      pass

          threading.Thread(target=look, daemon=True).start()

      def run(self):
          self.say(state="starting")
          from pyspark.sql import SparkSession, functions as F

          self.F = F
          self.session = session = SparkSession.builder.getOrCreate()
          self.say(version=session.version)
          if int(session.version.split(".")[0]) < 4:
              self.say(state="failed", reason="version")
              return 3
          session.sparkContext.setLogLevel("ERROR")
          for name, value in self.data["settings"].items():
              session.conf.set(name, value)
          # The first job waits for an executor.
          session.range(1).count()
          self.say(state="running", done=0, total=len(self.data["tables"]) + len(self.data["outputs"]))
          for source in self.data["inputs"]:
              if source["paths"]:
                  frame = session.read.parquet(*["file://" + p if p.startswith("/") else p for p in source["paths"]])
              else:
                  frame = session.sql(source["empty"])
              frame.createOrReplaceTempView(f"`{source['name']}`")
          times = []
          for number, table in enumerate(self.data["tables"]):
              began = time.time()
              self.say(step=table["name"])
              self.make(number, table)
              times.append([table["name"], round(time.time() - began, 3)])
              self.say(done=len(times), times=times)
          rows = {}
          for number, output in enumerate(self.data["outputs"]):
              began = time.time()
              self.say(step=output["name"])
              rows[output["name"]] = self.write(number, output)
              times.append([output["name"], round(time.time() - began, 3)])
              self.say(done=len(times), times=times)
          self.say(state="done", rows=rows)
          return 0

      def make(self, number, table):
          frame = self.session.sql(table["query"])
          if table["isKept"]:
              # Rows in place of how they came about, which Spark would plan, and perhaps compute, anew for each reader.
              path = "file://" + os.path.join(self.work, "tables", f"{number:03}")
              frame.write.mode("overwrite").option("compression", "zstd").parquet(path)
              back = self.session.read.schema(frame.schema).parquet(path)
              # Files forget that a column has no null; without it NOT IN can't be a join.
              never_null = {f.name: f.dataType.typeName() for f in frame.schema if not f.nullable}
              zero = {"string": "", "long": 0, "integer": 0, "boolean": False}
              columns = []
              for name in back.columns:
                  column = back[f"`{name}`"]
                  if never_null.get(name) in zero:
                      column = self.F.coalesce(column, self.F.lit(zero[never_null[name]])).alias(name)
                  columns.append(column)
              frame = back.select(columns)
          frame.createOrReplaceTempView(f"`{table['name']}`")

      def write(self, number, output):
          F = self.F
          frame = self.session.sql(output["query"])
          fields = []
          for column in output["columns"]:
              field = frame[f"`{column['name']}`"].cast("string")
              if column["isText"]:
                  for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
                      field = F.replace(field, F.lit(plain), F.lit(escaped))
              fields.append(F.coalesce(field, F.lit("\\N")))
          path = "file://" + os.path.join(self.work, "outputs", f"{number:03}")
          frame.select(F.concat_ws("\t", *fields).alias("value")).write.mode("overwrite").text(path)
          return self.session.read.text(path).count()


  def main(path):
      job = Job(path)
      job.watch()
      try:
          return job.run()
      except Exception as error:
          # The first lines say what is wrong; the whole is in spark.log.
          job.say(state="failed", reason="error", error=str(error)[:2000])
          raise


  if __name__ == "__main__":
      sys.exit(main(sys.argv[1]))

  """#
