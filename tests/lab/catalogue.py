"""Every row, in the order in which the ladder is climbed."""

from tests.lab.elsewhere import elsewhere
from tests.lab.isolation import isolation
from tests.lab.issuers import issuers
from tests.lab.model_access import model_access
from tests.lab.permissions import permissions
from tests.lab.rows import Row
from tests.lab.setting_up import setting_up
from tests.lab.trust import trust
from tests.lab.without_token import without_token

ROWS: list[Row] = [
    *trust.rows,
    *permissions.rows,
    *model_access.rows,
    *isolation.rows,
    *without_token.rows,
    *elsewhere.rows,
    *setting_up.rows,
    *issuers.rows,
]
