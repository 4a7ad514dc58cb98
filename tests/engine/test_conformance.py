"""The 30 conformance checks of a telephone client of the ElevenLabs agent protocol, and where each is tested.

`CLIENT`: of the client, `SERVERS`: of our own conversation server. A check that loses its last test fails
here, and so does a test that is renamed or removed.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CONVERSATION = "engine/test_agent_conversation.py"
START = "engine/test_agent_start.py"
ENDS = "engine/test_agent_ends.py"
REST = "engine/test_agent_rest.py"
SERVER = "engine/test_conversation_server.py"
CALLS = "calls/test_conformance_calls.py"
MESSAGES = "unit/test_agent_messages.py"
STEP = "unit/test_step.py"
TOOLS = "unit/test_tools.py"

CLIENT: dict[int, tuple[str, ...]] = {
    1: (
        f"{START}::test_check_1_initiation_first_and_no_audio_before_the_metadata",
        f"{MESSAGES}::test_check_1_initiation_is_flat_and_holds_only_what_is_set",
        "engine/test_bridge.py::test_the_newest_second_before_live_comes_first_and_in_order",
    ),
    2: (
        f"{START}::test_check_2_nothing_is_overridden_that_was_not_set",
        f"{MESSAGES}::test_check_2_overrides_hold_no_empty_or_null_key",
    ),
    3: (
        f"{START}::test_check_3_all_seven_formats_from_the_metadata",
        f"{START}::test_check_3_formats_that_are_not_said_are_pcm_16000",
        f"{START}::test_check_3_an_unknown_format_fails_cleanly_before_any_audio",
        "engine/test_bridge.py::test_a_tone_reaches_the_agent_in_every_format",
        "engine/test_bridge.py::test_a_tone_reaches_the_phone_from_every_format",
    ),
    4: (
        f"{MESSAGES}::test_check_4_audio_has_one_key_only",
        f"{CONVERSATION}::test_check_4_what_is_sent_is_what_arrives",
        f"{CONVERSATION}::test_check_4_audio_keeps_real_time",
        f"{CALLS}::test_check_4_and_5_the_agent_hears_without_a_gap_through_loss_hold_and_mute",
    ),
    5: (
        f"{CALLS}::test_check_4_and_5_the_agent_hears_without_a_gap_through_loss_hold_and_mute",
        "engine/test_bridge.py::test_silence_flows_when_the_phone_gives_nothing",
        "engine/test_bridge.py::test_a_gap_from_the_phone_is_filled_with_its_own_length",
        "engine/test_bridge.py::test_a_broken_path_is_reported_once_and_the_agent_gets_silence",
    ),
    6: (
        f"{CALLS}::test_check_6_silence_is_silence_on_the_wire",
        "unit/test_pcm.py::test_silence_is_0xff_in_mulaw_and_zero_in_pcm",
        "unit/test_playout.py::test_tail_of_a_mulaw_utterance_is_padded_with_silence",
    ),
    7: (
        f"{CONVERSATION}::test_check_7_pings_are_answered_at_once_whatever_else_happens",
        f"{CONVERSATION}::test_check_7_a_ping_of_any_shape_with_its_own_id",
        f"{MESSAGES}::test_check_7_ping_with_missing_or_null_ping_ms",
        "unit/test_outbox.py::test_check_7_messages_overtake_audio_and_keep_their_order",
    ),
    8: (
        f"{CALLS}::test_check_8_a_turn_of_sixty_seconds_plays_complete_and_on_time",
        f"{CONVERSATION}::test_check_8_a_long_turn_faster_than_real_time_arrives_whole",
        "unit/test_playout.py::test_minutes_arrive_at_once_and_memory_stays_bounded",
    ),
    9: (
        f"{CONVERSATION}::test_check_9_a_message_of_8_mib_is_taken",
        f"{CONVERSATION}::test_check_9_a_message_of_over_16_mib_ends_it_cleanly",
    ),
    10: (
        f"{CALLS}::test_check_10_after_an_interruption_the_wire_is_silent_at_once",
        f"{CONVERSATION}::test_check_10_an_interruption_empties_playout_and_stale_audio_never_plays",
        "engine/test_bridge.py::test_interruption_drops_all_and_nothing_follows",
    ),
    11: (
        f"{CONVERSATION}::test_check_11_lower_or_repeated_interruptions_change_nothing",
        f"{CONVERSATION}::test_check_11_an_interruption_without_id_means_the_running_turn",
        f"{CONVERSATION}::test_check_11_a_new_conversation_starts_counting_afresh",
    ),
    12: (
        f"{CONVERSATION}::test_check_12_odd_lengths_empty_final_and_broken_audio",
        f"{MESSAGES}::test_check_12_audio_of_every_shape",
        f"{MESSAGES}::test_check_12_audio_without_its_object",
    ),
    13: (
        f"{CONVERSATION}::test_check_13_broken_and_unknown_frames_are_shown_and_end_nothing",
        f"{MESSAGES}::test_check_13_unknown_or_broken_frames_are_values",
    ),
    14: (
        f"{CONVERSATION}::test_check_14_corrections_may_come_before_or_after_and_be_empty",
        f"{MESSAGES}::test_check_14_correction_may_be_empty",
    ),
    15: (
        f"{CONVERSATION}::test_check_15_exactly_one_result_for_each_call_always_a_text",
        f"{CONVERSATION}::test_check_15_an_unknown_tool_is_answered_with_an_error",
        "engine/test_own_tools.py::test_whatever_a_tool_does_gives_one_error",
        "engine/test_own_tools.py::test_a_tool_that_blocks_never_touches_the_loop_of_the_audio",
        f"{TOOLS}::test_unknown_tools_get_an_answer_too",
    ),
    16: (
        f"{ENDS}::test_check_16_everything_said_before_the_agents_end_is_handed_on_first",
        f"{CALLS}::test_check_16_everything_that_waits_is_played_before_the_bye",
        f"{STEP}::test_the_agent_says_goodbye",
    ),
    17: (
        f"{ENDS}::test_check_17_close_is_sent_at_once_and_the_socket_gone_within_a_second",
        f"{ENDS}::test_check_17_what_is_on_its_way_when_we_close_is_not_played",
        f"{ENDS}::test_check_17_a_far_side_that_reads_nothing_cannot_hold_the_socket",
    ),
    18: (
        f"{ENDS}::test_check_18_every_close_at_the_start_and_in_speech",
        f"{ENDS}::test_check_18_and_23_a_connection_that_breaks_is_1006_and_nothing_is_opened_again",
        f"{ENDS}::test_check_18_a_close_without_a_code_is_1005",
        "unit/test_close_table.py::test_check_18_close_codes",
        "unit/test_close_table.py::test_check_18_prefix",
    ),
    19: (
        f"{CONVERSATION}::test_check_19_errors_are_shown_and_alone_end_nothing",
        f"{ENDS}::test_check_19_an_error_explains_the_bare_close_after_it",
        f"{MESSAGES}::test_check_19_errors_of_every_shape",
        f"{START}::test_secrets_are_in_no_log_event_or_repr",
    ),
    20: (
        f"{CONVERSATION}::test_check_20_waiting_in_the_queue_and_admitted",
        f"{CONVERSATION}::test_check_20_waiting_in_vain_is_busy",
        f"{STEP}::test_queue_time_is_not_billed_and_bounded",
    ),
    21: (
        f"{ENDS}::test_check_21_a_refusal_before_the_first_turn_comes_as_a_refusal",
        f"{CALLS}::test_check_21_the_first_refusal_stops_dialing_and_the_person_is_to_be_called_back",
        f"{CALLS}::test_check_21_and_26_what_ended_it_stands_in_the_record",
        f"{STEP}::test_closed_before_its_first_turn_is_a_failed_start",
        f"{STEP}::test_refused_after_the_answer_stops_dialing_and_hangs_up",
    ),
    22: (
        f"{REST}::test_check_22_every_error_is_one_sentence",
        f"{REST}::test_check_22_a_signed_url_for_another_host_is_refused",
        f"{REST}::test_check_22_secrets_that_come_back_are_not_shown",
        f"{REST}::test_check_22_nobody_there",
        f"{START}::test_check_22_a_definite_refusal_while_ringing",
        f"{START}::test_a_signed_url_that_has_grown_old_is_fetched_again",
    ),
    23: (
        f"{ENDS}::test_check_18_and_23_a_connection_that_breaks_is_1006_and_nothing_is_opened_again",
        "calls/test_calls.py::test_a_dropped_session_gets_one_successor",
        f"{STEP}::test_a_drop_gets_one_fresh_session_and_a_second_hangs_up",
    ),
    24: (f"{ENDS}::test_check_24_a_hundred_sessions_leave_nothing_behind",),
    25: (
        "engine/test_agent_load.py::test_check_25_twenty_conversations_never_hold_up_the_loop",
        f"{CONVERSATION}::test_check_25_a_burst_costs_little_of_the_event_loop",
    ),
    26: (
        f"{ENDS}::test_check_26_the_maximum_duration_is_a_normal_end_that_says_so",
        f"{CALLS}::test_check_21_and_26_what_ended_it_stands_in_the_record",
    ),
    27: (
        f"{CALLS}::test_check_27_keys_that_the_callee_presses_reach_the_agent_once_each",
        f"{CALLS}::test_check_27_a_transfer_goes_out_on_the_phone_leg",
        f"{CALLS}::test_check_27_a_transfer_that_fails_is_told_to_the_agent",
        "calls/test_words_and_tools.py::test_the_agent_presses_keys_takes_notes_and_hangs_up",
        f"{TOOLS}::test_keys_are_gathered_until_a_pause",
    ),
    28: (
        "engine/test_aftercall.py::test_check_28_it_is_asked_until_it_is_done",
        "engine/test_aftercall.py::test_check_28_a_cost_that_never_comes_is_not_waited_for_longer_than_said",
        "engine/test_aftercall.py::test_check_28_failures_and_burst_are_told",
    ),
}

SERVERS: dict[int, tuple[str, ...]] = {
    2: (
        f"{SERVER}::test_check_2_an_override_that_is_not_allowed_closes_after_the_metadata",
        f"{SERVER}::test_check_2_an_allowed_override_is_taken_and_a_missing_variable_is_not",
    ),
    4: (
        f"{SERVER}::test_every_later_frame_is_checked",
        f"{SERVER}::test_check_4_and_5_rate_and_gaps_are_measured",
    ),
    5: (
        f"{SERVER}::test_check_5_a_client_that_sends_nothing_is_closed",
        f"{SERVER}::test_check_5_sixty_seconds_without_a_frame_are_too_long_on_a_faster_clock",
        f"{SERVER}::test_check_4_and_5_rate_and_gaps_are_measured",
    ),
    7: (f"{SERVER}::test_check_7_a_missing_pong_ends_the_conversation",),
    11: (f"{CONVERSATION}::test_check_11_lower_or_repeated_interruptions_change_nothing",),
    17: (f"{ENDS}::test_check_17_close_is_sent_at_once_and_the_socket_gone_within_a_second",),
    29: (f"{SERVER}::test_check_29_several_chunks_share_an_id_and_come_faster_than_real_time",),
    30: (
        f"{SERVER}::test_check_30_a_recorded_script_is_replayed_on_virtual_time_and_every_frame_is_on_record",
    ),
}


@cache
def defined_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("check", range(1, 31))
def test_every_check_has_its_tests(check: int) -> None:
    ids = CLIENT.get(check, ()) + SERVERS.get(check, ())
    assert ids, f"check {check} has no test"
    for test in ids:
        path, name = test.split("::")
        assert name in defined_in(path), f"check {check}: {test} is gone"


def test_what_is_marked_for_client_and_server_is_tested_for_both() -> None:
    assert set(CLIENT) == set(range(1, 29))
    assert set(SERVERS) == {2, 4, 5, 7, 11, 17, 29, 30}


def test_a_test_that_is_named_after_a_check_stands_under_it() -> None:
    listed: dict[str, set[int]] = {}
    for check, ids in [*CLIENT.items(), *SERVERS.items()]:
        for test in ids:
            listed.setdefault(test.split("::")[1], set()).add(check)
    for name, checks in listed.items():
        if named := re.match(r"test_check_(\d+)(?:_and_(\d+))?_", name):
            assert checks <= {int(n) for n in named.groups() if n}, f"{name} stands under {checks}"
