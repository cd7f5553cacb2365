"""Annotator and inspector on one object."""

from instructsam_ros.training.data_engine.generate import call_journal, new_asker
from instructsam_ros.training.data_engine.hmpl.run import HmplEngine


def outcomes(config):
    engine = HmplEngine(config)
    journal = call_journal(engine.out)
    work = engine.stages(new_asker(engine, journal))
    made = [work(item) for item in engine.items()]
    journal.close()
    return made


def test_a_description_that_the_inspector_mistakes_goes_back(serve, hmpl):
    server = serve(mistaken=0.5, seed=1)
    made = outcomes(hmpl(server, rounds=8))
    again = [outcome for outcome in made if outcome.dropped and outcome.state == "done" and outcome.records]
    assert again
    faulty = {text for _, text in server.answers.faulty}
    for outcome in again:
        texts = outcome.records[0]["description"]
        assert texts["simple"]["statement"] not in faulty
        assert {each.text for each in outcome.dropped} <= faulty
    assert server.log.replies["inspect"] > len(made)


def test_tiny_objects_are_left_out_without_a_call(serve, hmpl):
    server = serve()
    made = outcomes(hmpl(server, pixels=10**6))
    assert all(outcome.dropped[0].reason == "tiny mask" for outcome in made)
    assert not server.log.replies
