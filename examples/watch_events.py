"""Everything that happens to a project, with previews on the way and one worker that drops out."""

from sogni import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Initiating,
    JobFailed,
    Preview,
    Progress,
    Queued,
    Requeued,
    SogniClient,
    Started,
)
from sogni.sandbox import Sandbox


def main() -> None:
    with Sandbox(speed="fast") as net, SogniClient(sandbox=net) as client:
        net.script(queue_position=2, reassign_worker="progress:6")
        project = client.projects.create(
            type="image",
            model_id="krea2_turbo_fp8_scaled",
            positive_prompt="two foxes in the snow",
            number_of_media=2,
            number_of_previews=3,
        )
        print("ordered", project.id)
        for event in project.events(timeout=600):
            match event:
                case Queued(position=position, reason=reason):
                    print("queue: place", position, "-", reason.message if reason else "no reason given")
                case Initiating(index=index, worker=worker):
                    print(f"{index}: {worker} gets ready")
                case Started(index=index):
                    print(f"{index}: started")
                case Progress(index=index, step=step, step_count=steps, eta=eta, total=total):
                    print(f"{index}: step {step} of {steps}, {eta or 0:.1f} s left; {total} % of everything")
                case Preview(index=index, image=image):
                    print(f"{index}: preview", image.save("foxes/previews/"))
                case Requeued(index=index, reason=reason):
                    print(f"{index}: moved to another worker ({reason or 'no reason given'})")
                case Finished(index=index, result=result):
                    print(f"{index}:", "withheld" if result.withheld else result.save("foxes/"))
                case JobFailed(index=index, error=error):
                    print(f"{index}: failed, {error}")
                case Completed():
                    print("complete")
                case Failed(error=error):
                    print("failed:", error)
                case Canceled():
                    print("canceled")


if __name__ == "__main__":
    main()
